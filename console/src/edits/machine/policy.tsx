import { api, type Shapes } from '../../api';
import { usePolicies } from '../../api/lists';
import { words } from '../../words';
import { seen } from '../edition';
import { Present } from '../editor';
import { plainOptions } from '../form';
import type { Of } from '.';

export default function MachinePolicy({ machine: { id, name }, onClose }: Of) {
  const { machine, title } = words.edits;
  const of = { path: { machine: id } };
  const present = usePolicies().data?.items ?? [];
  return (
    <Present<Shapes['MachinePolicy'], { policy: string }>
      title={title(`${machine.policy}: ${name}`)} verb="change_machine_policy" steps={machine.policySteps} onClose={onClose}
      path="/api/machines/{machine}/policy" of={id} read={() => api.GET('/api/machines/{machine}/policy', { params: of })}
      draftOf={(value) => ({ policy: value?.policy ?? '' })}
      fields={[{ name: 'policy', title: machine.policy, options: (draft) => plainOptions([...new Set([draft.policy, ...present.filter((each) => !each.read_only).map((each) => each.name)])]) }]}
      send={({ policy }, tag) => api.PUT('/api/machines/{machine}/policy', { params: { ...of, ...seen(tag) }, body: { policy } })}
    />
  );
}

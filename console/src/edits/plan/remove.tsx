import { api } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { RemoveEdition } from '../remove';

export default function RemovePlan({ name, onClose }: { name: string; onClose: () => void }) {
  const of = { path: { plan: name } };
  return (
    <RemoveEdition
      path="/api/plans/{plan}" of={name} read={() => api.GET('/api/plans/{plan}', { params: of })} what={name} verb="delete_plan" steps={words.edits.plan.deletes}
      send={(tag) => api.DELETE('/api/plans/{plan}', { params: { ...of, ...seen(tag) } })} after="/plans" onClose={onClose}
    />
  );
}

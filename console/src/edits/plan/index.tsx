// The editor of a recovery plan: a new one, or one that is there.
import { FormHelperText } from '@patternfly/react-core';
import { Text } from '../../actions/fields';
import { api, type Shapes } from '../../api';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { Edit } from '../edit';
import { seen, useEdition } from '../edition';
import { bodyOf, draftOf, isSound, linesOf, wrongGoal, wrongHeld, wrongName, type Draft } from './draft';
import { Groups } from './groups';

type Plan = Shapes['Plan'];
type Props = { name?: string; onClose: () => void };

export default function PlanEditor({ name, onClose }: Props) {
  return name === undefined ? <NewPlan onClose={onClose} /> : <PresentPlan name={name} onClose={onClose} />;
}

function NewPlan({ onClose }: Props) {
  const { plan, create } = words.edits;
  const send = (draft: Draft, _: string, key: string) => api.POST('/api/plans', { body: { name: draft.name, ...bodyOf(draft) }, params: { header: { 'idempotency-key': key } } });
  return (
    <Edit<Plan, Draft> title={plan.create} act={create} verb="create_plan" variant="large" draftOf={draftOf} lines={linesOf} isSound={(draft) => isSound(draft, true)} send={send} onClose={onClose}>
      {(draft, change, tried) => (
        <>
          <Text title={plan.name} help={plan.nameHelp} value={draft.name} onChange={(to) => change({ ...draft, name: to })} wrong={tried && wrongName(draft.name)} />
          <Body draft={draft} change={change} tried={tried} />
        </>
      )}
    </Edit>
  );
}

function PresentPlan({ name, onClose }: { name: string; onClose: () => void }) {
  const of = { path: { plan: name } };
  const found = useEdition('/api/plans/{plan}', name, () => api.GET('/api/plans/{plan}', { params: of }));
  const send = (draft: Draft, tag: string) => api.PUT('/api/plans/{plan}', { params: { ...of, ...seen(tag) }, body: bodyOf(draft) });
  return (
    <Asking of={found}>
      {(edition) => (
        <Edit<Plan, Draft>
          title={words.edits.title(name)} act={words.edits.save} verb="update_plan" variant="large" found={edition} again={found.refetch}
          draftOf={draftOf} lines={linesOf} isSound={(draft) => isSound(draft, false)} send={send} onClose={onClose}
        >
          {(draft, change, tried) => <Body draft={draft} change={change} tried={tried} />}
        </Edit>
      )}
    </Asking>
  );
}

function Body({ draft, change, tried }: { draft: Draft; change: (to: Draft) => void; tried: boolean }) {
  const { plan } = words.edits;
  return (
    <>
      <Text title={plan.goal} help={plan.goalHelp} value={draft.goal} onChange={(to) => change({ ...draft, goal: to })} wrong={tried && wrongGoal(draft.goal)} />
      <Text title={plan.held} help={plan.heldHelp} value={draft.held} onChange={(to) => change({ ...draft, held: to })} wrong={tried && wrongHeld(draft.held)} />
      <FormHelperText>{plan.beside}</FormHelperText>
      <Groups draft={draft} change={change} tried={tried} />
    </>
  );
}

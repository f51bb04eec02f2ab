// The buttons of recovery plans that change them.
import { lazy } from '../../parts/lazy';
import { words } from '../../words';
import { EditActs } from '../edit-acts';

const Editor = lazy(() => import('.'));
const RemovePlan = lazy(() => import('./remove'));

export function NewPlanAct() {
  return <EditActs acts={[{ label: words.edits.plan.create, permission: 'protect', show: (close) => <Editor onClose={close} /> }]} />;
}

export function PlanEdits({ name }: { name: string }) {
  return (
    <EditActs acts={[
      { label: words.edits.edit, permission: 'protect', show: (close) => <Editor name={name} onClose={close} /> },
      { label: words.edits.remove.act, permission: 'protect', isDanger: true, show: (close) => <RemovePlan name={name} onClose={close} /> },
    ]} />
  );
}

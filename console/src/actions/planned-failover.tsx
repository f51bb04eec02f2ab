import { words } from '../words';
import { Preflight, Way, useMeanwhile } from './about';
import { Dialog } from './dialog';
import type { ActProps } from './machine-acts';
import { start } from './start';

export default function PlannedFailover({ machine, onClose }: ActProps) {
  const { actions } = words;
  return (
    <Dialog
      title={actions.title(actions.verbs.planned_failover, machine.name)} act={actions.verbs.planned_failover} verb="planned_failover" onClose={onClose}
      steps={actions.steps.planned_failover(machine.source_site, machine.target_site ?? words.none)} {...useMeanwhile(machine, 'planned_failover')}
      request="" reads={[machine]} send={(key, read) => start('planned_failover', { machines: [machine.id] }, {}, key, read)}
    >
      {() => <><Way machine={machine} verb="planned_failover" /><Preflight machine={machine} /></>}
    </Dialog>
  );
}

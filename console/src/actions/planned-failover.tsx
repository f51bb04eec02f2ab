import { useState } from 'react';
import { WHILE_SHOWN, queries, type Shapes } from '../api';
import { words } from '../words';
import { Preflight, Way, useMeanwhile } from './about';
import { Dialog, type Machine } from './dialog';
import { Choice } from './fields';
import type { ActProps } from './machine-acts';
import { start } from './start';

type Kind = Shapes['RecoveryPointChoice'];

export default function PlannedFailover({ machine, onClose }: ActProps) {
  const [choice, setChoice] = useState<Kind>('latest');
  const { actions } = words;
  const options = { choice };
  return (
    <Dialog
      title={actions.title(actions.verbs.planned_failover, machine.name)} act={actions.verbs.planned_failover} verb="planned_failover" onClose={onClose}
      steps={actions.steps.planned_failover(machine.source_site, machine.target_site ?? words.none)}
      loses={choice !== 'latest' && actions.failback.lost(machine.active_site)} confirm={machine.name} {...useMeanwhile(machine, 'planned_failover')}
      request={JSON.stringify(options)} send={(key, read) => start('planned_failover', { machines: [machine.id] }, options, key, read)}
    >
      {() => <><Way machine={machine} verb="planned_failover" /><PointKind machine={machine} value={choice} onChange={setChoice} /><Preflight machine={machine} /></>}
    </Dialog>
  );
}

/** Where there is a choice: on the way home it may start from an app-consistent point. */
function PointKind({ machine, value, onChange }: { machine: Machine; value: Kind; onChange: (to: Kind) => void }) {
  const { data } = queries.useQuery('get', '/api/machines/{machine}/choices', { params: { path: { machine: machine.id }, query: { verb: 'planned_failover' } } }, WHILE_SHOWN);
  const { point, failback } = words.actions;
  const kinds = (data?.choices ?? []).map((each) => each.choice);
  if (kinds.length < 2) return null;
  return <Choice title={point.title} value={value} onChange={(to) => onChange(to as Kind)} options={kinds.map((each) => [each, each === 'latest' ? failback.latest : point.kinds[each]] as const)} />;
}

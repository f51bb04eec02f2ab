// Verbs that ask for nothing: commit, cancel failover, resynchronize, update names; and disabling, which is typed.
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog, type Machine } from './dialog';
import type { ActProps } from './machine-acts';
import { start, type Verb } from './start';

/** What a verb loses, if it loses anything. */
function lost(verb: Verb, machine: Machine): string | false {
  const { actions } = words;
  if (verb === 'cancel_failover') return actions.madeThere(machine.active_site);
  if (verb === 'disable_protection') return actions.deletes(machine.target_site ?? words.none, machine.points.count);
  return false;
}

export default function PlainAct({ machine, verb, onClose }: ActProps) {
  const { actions } = words;
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], machine.name)} act={actions.verbs[verb]} verb={verb} onClose={onClose}
      steps={actions.steps[verb](machine.source_site, machine.target_site ?? words.none)} loses={lost(verb, machine)} confirm={machine.name}
      meanwhile={useMeanwhile(machine, verb)} request="" send={(key) => start(verb, { machines: [machine.id] }, {}, key)}
    />
  );
}

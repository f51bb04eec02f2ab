// Verbs that ask for nothing: commit, cancel failover, resynchronize, update names; and disabling, which is typed.
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog, type Machine } from './dialog';
import type { ActProps } from './machine-acts';
import { start, type Verb } from './start';
import { WithoutSite, useGivenUp } from './without-site';

/** What a verb loses, if it loses anything. */
function lost(verb: Verb, machine: Machine): string | false {
  const { actions } = words;
  if (verb === 'cancel_failover') return actions.madeThere(machine.active_site);
  if (verb === 'disable_protection') return actions.deletes(machine.target_site ?? words.none, machine.points.count);
  return false;
}

const GIVES_UP: readonly Verb[] = ['commit', 'cancel_failover', 'disable_protection'];

export default function PlainAct({ machine, verb, onClose }: ActProps) {
  const without = useGivenUp(machine);
  const { actions } = words;
  const loses = [lost(verb, machine), without.loses].filter(Boolean).join(' ');
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], machine.name)} act={actions.verbs[verb]} verb={verb} onClose={onClose}
      steps={actions.steps[verb](machine.source_site, machine.target_site ?? words.none)} loses={loses || false} confirm={machine.name}
      {...useMeanwhile(machine, verb)} isSound={!without.wrong} request={without.value} send={(key, read) => start(verb, { machines: [machine.id] }, without.options, key, read)}
    >
      {() => GIVES_UP.includes(verb) && <WithoutSite of={without} />}
    </Dialog>
  );
}

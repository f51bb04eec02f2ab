import { useState } from 'react';
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Notes, isLong } from './fields';
import type { ActProps } from './machine-acts';
import { start } from './start';
import { WithoutSite, useGivenUp } from './without-site';

export type Given = { notes: string; verdict: '' | 'passed' | 'failed' };
export const asOptions = ({ notes, verdict }: Given) => ({ notes, verdict: verdict || null });

export function VerdictFields({ value, onChange }: { value: Given; onChange: (to: Given) => void }) {
  const { actions } = words;
  const { verdict } = actions;
  return (
    <>
      <Choice title={verdict.title} value={value.verdict} onChange={(to) => onChange({ ...value, verdict: to as Given['verdict'] })} options={[['', verdict.proof], ['passed', verdict.passed], ['failed', verdict.failed]]} />
      <Notes title={actions.notes} value={value.notes} onChange={(notes) => onChange({ ...value, notes })} help={actions.notesHelp} wrong={isLong(value.notes)} />
    </>
  );
}

export default function CleanUp({ machine, onClose }: ActProps) {
  const [given, setGiven] = useState<Given>({ notes: '', verdict: '' });
  const { actions } = words;
  const without = useGivenUp(machine);
  const options = { ...asOptions(given), ...without.options };
  return (
    <Dialog
      title={actions.title(actions.verbs.cleanup_test_failover, machine.name)} act={actions.verbs.cleanup_test_failover} verb="cleanup_test_failover" onClose={onClose}
      steps={actions.steps.cleanup_test_failover(machine.source_site, machine.target_site ?? words.none)} isSound={!isLong(given.notes) && !without.wrong} loses={without.loses} confirm={machine.name}
      {...useMeanwhile(machine, 'cleanup_test_failover')} request={JSON.stringify(options)}
      send={(key, read) => start('cleanup_test_failover', { machines: [machine.id] }, options, key, read)}
    >
      {() => (
        <>
          <VerdictFields value={given} onChange={setGiven} />
          <WithoutSite of={without} />
        </>
      )}
    </Dialog>
  );
}

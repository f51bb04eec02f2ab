// One verb for several machines: one call, one job with one for each machine below it.
import { useState } from 'react';
import { may, useWho } from '../api/session';
import type { MachineRow } from '../live';
import { words } from '../words';
import { VerdictFields, asOptions, type Given } from './clean-up';
import { Dialog } from './dialog';
import { Choice, Tick, isLong } from './fields';
import { start } from './start';
import { Ticks } from './ticked';

const VERBS = ['test_failover', 'cleanup_test_failover', 'failover', 'planned_failover', 'commit', 'cancel_failover', 'reprotect', 'resynchronize', 'update_names', 'disable_protection'] as const;
type BatchVerb = (typeof VERBS)[number];
const MOST = 1000;

function lost(verb: BatchVerb, shutsDown: boolean): string | false {
  const { actions } = words;
  if (verb === 'failover') return !shutsDown && actions.plan.lost;
  if (verb === 'cancel_failover') return actions.batch.made;
  return verb === 'disable_protection' && actions.batch.deletes;
}

export default function Batch({ rows, onClose }: { rows: readonly MachineRow[]; onClose: () => void }) {
  const who = useWho().data!;
  const [verb, setVerb] = useState<BatchVerb>('test_failover');
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [shutsDown, setShutsDown] = useState(false);
  const [given, setGiven] = useState<Given>({ notes: '', verdict: '' });
  const { actions } = words;
  const machines = [...ids];
  const first = rows.find((each) => ids.has(each.id)) ?? rows[0]!;
  const options = { ...(verb === 'failover' && { shut_down_source: shutsDown }), ...(verb === 'cleanup_test_failover' && asOptions(given)) };
  const wrong = ids.size === 0 ? actions.batch.noneChosen : ids.size > MOST && actions.batch.most;
  const verbs = VERBS.filter((each) => may(who, each === 'disable_protection' ? 'protect' : 'operate'));
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], actions.many(ids.size))} act={actions.verbs[verb]} verb={verb} onClose={onClose}
      steps={actions.steps[verb](...(verb === 'reprotect' ? [first.target_site, first.source_site] as const : [first.source_site, first.target_site] as const))} loses={lost(verb, shutsDown)} confirm={actions.many(ids.size)}
      isSound={!wrong && !isLong(given.notes)} request={JSON.stringify({ verb, machines, options })} send={(key) => start(verb, { machines }, options, key)}
    >
      {(tried) => (
        <>
          <Choice title={actions.batch.verb} value={verb} onChange={(to) => setVerb(to as BatchVerb)} options={verbs.map((each) => [each, actions.verbs[each]] as const)} />
          <Ticks title={actions.batch.machines} rows={rows} value={ids} onChange={setIds} wrong={tried && wrong} />
          {verb === 'failover' && <Tick title={actions.plan.shutDown} help={actions.shutDownHelp} value={shutsDown} onChange={setShutsDown} />}
          {verb === 'cleanup_test_failover' && <VerdictFields value={given} onChange={setGiven} />}
        </>
      )}
    </Dialog>
  );
}

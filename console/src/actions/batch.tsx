// One verb for several machines: one call, one job with one for each machine below it.
import { useState } from 'react';
import { may, useWho } from '../api/session';
import type { MachineRow } from '../live';
import { words } from '../words';
import { Meanwhile, aim, useMovedOf } from './about';
import { VerdictFields, asOptions, type Given } from './clean-up';
import { Dialog } from './dialog';
import { DirectionChoice, type Direction } from './direction';
import { Choice, Tick, isLong } from './fields';
import { isPossible, standing } from './possible';
import { start } from './start';
import { Ticks, type Ticked } from './ticked';
import { stepsOf } from './ways';

const VERBS = ['test_failover', 'cleanup_test_failover', 'failover', 'planned_failover', 'commit', 'cancel_failover', 'reprotect', 'resynchronize', 'update_names', 'disable_protection'] as const;
type BatchVerb = (typeof VERBS)[number];
const MOST = 1000;

const hasWays = (verb: BatchVerb) => verb === 'failover' || verb === 'planned_failover';

function lost(verb: BatchVerb, shutsDown: boolean): string | false {
  const { actions } = words;
  if (verb === 'failover') return !shutsDown && actions.plan.lost;
  if (verb === 'cancel_failover') return actions.batch.made;
  return verb === 'disable_protection' && actions.batch.deletes;
}

const OF: Readonly<Record<MachineRow['direction'], Direction>> = { forward: 'away', reverse: 'home' };

/** The machines that were on the list when this was opened, as they are now. What is said of those that were moved since
 * is of then, also once they stand as before. */
function asNow(rows: readonly MachineRow[], now: readonly MachineRow[], moved: ReadonlySet<string>, verb: BatchVerb, direction: Direction) {
  const present = new Map(now.map((each) => [each.id, each]));
  const cannot = (row: MachineRow | undefined) => {
    if (!row || !isPossible(verb, row)) return standing(row);
    return direction && OF[row.direction] !== direction ? words.actions.batch.stays : undefined;
  };
  return rows.map(({ id, name }): Ticked => {
    const row = present.get(id);
    return { id, name, cannot: row && moved.has(id) ? words.actions.batch.moved(standing(row)) : cannot(row) };
  });
}

function wrongIn(chosen: readonly Ticked[]): string | false {
  const { batch } = words.actions;
  const hinder = chosen.filter((each) => each.cannot);
  if (hinder.length) return batch.cannot(hinder.map((each) => `${each.name}: ${each.cannot}`).join('; '));
  return chosen.length === 0 ? batch.noneChosen : chosen.length > MOST && batch.most;
}

export default function Batch({ rows: opened, now, onClose }: { rows: readonly MachineRow[]; now: readonly MachineRow[]; onClose: () => void }) {
  const who = useWho().data!;
  const [rows, setRows] = useState(opened);
  const [verb, setVerb] = useState<BatchVerb>('test_failover');
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [direction, setDirection] = useState<Direction>('');
  const [shutsDown, setShutsDown] = useState(false);
  const [given, setGiven] = useState<Given>({ notes: '', verdict: '' });
  const { actions } = words;
  const movedOf = (of: BatchVerb) => new Map(now.map((each) => [each.id, aim(of, each)]));
  const [moved, ended] = [useMovedOf(movedOf('failover')), useMovedOf(movedOf('cleanup_test_failover'))];
  const since = (to: BatchVerb) => (to === 'cleanup_test_failover' ? ended : moved).moved;
  const offeredFor = (to: BatchVerb, going: Direction) => asNow(rows, now, since(to), to, hasWays(to) ? going : '');
  const offered = offeredFor(verb, direction);
  const chosen = offered.filter((each) => ids.has(each.id));
  const machines = chosen.map((each) => each.id);
  const meant = new Set((chosen.length ? chosen : offered.filter((each) => !each.cannot)).map((each) => each.id));
  const going = now.filter((each) => meant.has(each.id));
  const others = going.filter((each) => ids.has(each.id) && since(verb).has(each.id) && isPossible(verb, each));
  const goOn = () => {
    const present = new Map(now.map((each) => [each.id, each]));
    setRows(rows.map((each) => present.get(each.id) ?? each));
    for (const each of [moved, ended]) each.anew();
  };
  const options = { ...(hasWays(verb) && { direction: direction || null }), ...(verb === 'failover' && { shut_down_source: shutsDown }), ...(verb === 'cleanup_test_failover' && asOptions(given)) };
  const wrong = wrongIn(chosen);
  const verbs = VERBS.filter((each) => may(who, each === 'disable_protection' ? 'protect' : 'operate'));
  const choose = (to: BatchVerb, way: Direction) => {
    setVerb(to);
    setDirection(way);
    setIds(new Set(offeredFor(to, way).filter((each) => ids.has(each.id) && !each.cannot).map((each) => each.id)));
  };
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], actions.many(ids.size))} act={actions.verbs[verb]} verb={verb} onClose={onClose}
      steps={direction && hasWays(verb) ? [actions.plan.only[direction], ...stepsOf(verb, going)] : stepsOf(verb, going)} loses={lost(verb, shutsDown)} confirm={actions.many(ids.size)}
      isSound={!wrong && !isLong(given.notes)} isOther={others.length > 0} meanwhile={others.length > 0 && <Others were={rows} now={others} goOn={goOn} />} request={JSON.stringify({ verb, machines, options })} reads={rows} send={(key, read) => start(verb, { machines }, options, key, read)}
    >
      {(tried) => (
        <>
          <Choice title={actions.batch.verb} value={verb} onChange={(to) => choose(to as BatchVerb, direction)} options={verbs.map((each) => [each, actions.verbs[each]] as const)} />
          <Ticks title={actions.batch.machines} rows={offered} value={ids} onChange={setIds} wrong={(tried || chosen.some((each) => each.cannot)) && wrong} />
          {hasWays(verb) && <DirectionChoice value={direction} onChange={(to) => choose(verb, to)} />}
          {verb === 'failover' && <Tick title={actions.plan.shutDown} help={actions.shutDownHelp} value={shutsDown} onChange={setShutsDown} />}
          {verb === 'cleanup_test_failover' && <VerdictFields value={given} onChange={setGiven} />}
        </>
      )}
    </Dialog>
  );
}

/** Those of the chosen ones that were moved since they were read, and could be acted on all the same. */
function Others({ were, now, goOn }: { were: readonly MachineRow[]; now: readonly MachineRow[]; goOn: () => void }) {
  const ids = new Set(now.map((each) => each.id));
  const named = (rows: readonly MachineRow[]) => rows.filter((each) => ids.has(each.id)).map((each) => words.actions.plan.member(each.name, standing(each), each.source_site, each.target_site)).join('; ');
  return <Meanwhile was={named(were)} now={named(now)} goOn={goOn}>{words.actions.batch.isAnew}</Meanwhile>;
}

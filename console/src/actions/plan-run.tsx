import { Alert, ExpandableSection } from '@patternfly/react-core';
import { useRef, useState } from 'react';
import { WHILE_SHOWN, api, queries, type Shapes } from '../api';
import { useEdition, type Edition } from '../edits/edition';
import { Facts } from '../parts/facts';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { bytes, plain, span } from '../words/format';
import { Meanwhile, Obstacles, aim, useMovedOf } from './about';
import { VerdictFields, asOptions, type Given } from './clean-up';
import { Dialog } from './dialog';
import { DirectionChoice, type Direction } from './direction';
import { DrillFields, useDrill } from './drill';
import { Choice, Tick, isLong } from './fields';
import type { Plan, PlanVerb } from './plan-acts';
import { membersOf, start } from './start';
import { Ticks } from './ticked';
import { stepsOf } from './ways';

type Point = Shapes['RecoveryPointChoice'];
type Member = Shapes['PlanMachine'];
type Sync = 'before' | 'during';

const RARELY = { refetchInterval: 60_000 } as const; // both sites look at the disks of each machine for it
/** Whether a kind of point is chosen. What moves without loss has a choice only on the way home. */
const chooses = (verb: PlanVerb, sync: Sync | '') => verb === 'test_failover' || verb === 'failover' || verb === 'change_recovery_point' || (verb === 'planned_failover' && sync !== 'during');

/** What a run is asked for. */
function useOptions(verb: PlanVerb) {
  const [direction, setDirection] = useState<Direction>('');
  const [out, setOut] = useState<ReadonlySet<string>>(new Set());
  const [choice, setChoice] = useState<Point>(verb === 'test_failover' || verb === 'change_recovery_point' ? 'latest_processed' : 'latest');
  const drill = useDrill();
  const [shutsDown, setShutsDown] = useState(false);
  const [sync, setSync] = useState<Sync | ''>('');
  const [given, setGiven] = useState<Given>({ notes: '', verdict: '' });
  const options = {
    direction: direction || null,
    leave_out: [...out],
    ...(chooses(verb, sync) && { choice }),
    ...(verb === 'test_failover' && drill.options),
    ...(verb === 'failover' && { shut_down_source: shutsDown }),
    ...(sync && { data_sync: sync }),
    ...(verb === 'cleanup_test_failover' && asOptions(given)),
  };
  return { options, direction, setDirection, out, setOut, choice, setChoice, drill, shutsDown, setShutsDown, sync, setSync, given, setGiven };
}

type RunProps = { verb: PlanVerb; onClose: () => void };

export default function PlanRun({ name, ...more }: RunProps & { name: string }) {
  const found = useEdition('/api/plans/{plan}', name, () => api.GET('/api/plans/{plan}', { params: { path: { plan: name } } }));
  return <Asking of={found}>{(edition) => <Run edition={edition} {...more} />}</Asking>;
}

function Run({ edition, verb, onClose }: RunProps & { edition: Edition<Plan> }) {
  const plan = edition.value;
  const asked = useOptions(verb);
  const { actions } = words;
  const { plan: say } = actions;
  const part = { path: { plan: plan.name }, query: { verb, direction: asked.direction || undefined, leave_out: asked.options.leave_out } };
  const { choice } = asked.options;
  const preview = usePreview(part, choice, asked.sync);
  const taken = new Set(preview.data?.groups?.flatMap((each) => each.machines.map((one) => one.id)));
  const going = membersOf(edition).filter((each) => !taken.size || taken.has(each.id));
  const { read, edited } = useEdited(edition, verb, asked.out, useEverTaken(JSON.stringify(part), taken));
  const first = preview.data?.groups?.[0]?.machines[0];
  const steps = asked.sync && first ? say.steps[asked.sync](first.from_site, first.to_site) : stepsOf(verb, going);
  const isOlder = verb === 'planned_failover' && choice !== undefined && choice !== 'latest';
  const loses = (verb === 'failover' && !asked.shutsDown && say.lost) || ((verb === 'cancel_failover' || verb === 'change_recovery_point') && actions.batch.made) || (isOlder && say.older);
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], plan.name)} act={actions.verbs[verb]} verb={verb} onClose={onClose}
      steps={steps} says={ordered(plan, () => '')} meanwhile={edited} isOther={!!edited && !preview.data?.problem} loses={loses} confirm={plan.name}
      isSound={!isLong(asked.given.notes)} request={JSON.stringify(asked.options)} reads={membersOf(read)} send={(key) => start(verb, { plan: read }, asked.options, key, [])}
    >
      {() => (
        <>
          <DirectionChoice value={asked.direction} onChange={asked.setDirection} />
          <LeaveOut plan={plan} value={asked.out} onChange={asked.setOut} />
          {chooses(verb, asked.sync) && <Points of={part} value={asked.choice} onChange={asked.setChoice} />}
          {verb === 'test_failover' && <DrillFields site={going[0]?.target_site} value={asked.drill} />}
          {verb === 'failover' && <Tick title={say.shutDown} help={actions.shutDownHelp} value={asked.shutsDown} onChange={asked.setShutsDown} />}
          {verb === 'planned_failover' && plan.groups.some((each) => each.machines.some((one) => one.state === 'committed')) && <Choice title={say.sync} value={asked.sync} onChange={(to) => asked.setSync(to as Sync | '')} options={[['', say.isNone], ['before', say.isBefore], ['during', say.isDuring]]} />}
          {verb === 'cleanup_test_failover' && <VerdictFields value={asked.given} onChange={asked.setGiven} />}
          <Asking of={preview}>{(found) => <Shown of={found} />}</Asking>
        </>
      )}
    </Dialog>
  );
}

/** The plan as it was read, and what it is now if somebody edited it since, or moved a machine that the run would take. */
function useEdited(edition: Edition<Plan>, verb: PlanVerb, out: ReadonlySet<string>, taken: ReadonlySet<string>) {
  const [read, setRead] = useState(edition);
  const { moved, anew } = useMovedOf(new Map(membersOf(edition).map((each) => [each.id, aim(verb, each)])));
  const isMeant = ({ id }: Member) => !out.has(id) && (!taken.size || taken.has(id));
  const isOther = read.tag !== edition.tag || membersOf(read).some((each) => moved.has(each.id) && isMeant(each));
  if (!isOther) return { read };
  const goOn = () => {
    setRead(edition);
    anew();
  };
  const { actions } = words;
  const stand = (each: Member) => (moved.has(each.id) ? actions.batch.moved(asState(each)) : asState(each));
  return { read, edited: <Meanwhile was={ordered(read.value, asState)} now={ordered(edition.value, stand)} goOn={goOn}>{actions.isAnew}</Meanwhile> };
}

/** Which machines a run of this part was ever said to take: of one that was moved it is not said any more. */
function useEverTaken(part: string, taken: ReadonlySet<string>): ReadonlySet<string> {
  const kept = useRef({ part, ids: new Set<string>() }).current;
  if (kept.part !== part) Object.assign(kept, { part, ids: new Set() });
  for (const each of taken) kept.ids.add(each);
  return kept.ids;
}

const asState = ({ state }: Member) => (state ? plain(state) : words.plans.ended);

const called = ({ name, script, instruction, guest, timeout_seconds }: Plan['groups'][number]['before'][number]) => `${name} (${script ? words.plans.script(script, guest ?? '', span(timeout_seconds)) : instruction})`;
const ordered = (plan: Plan, stand: (of: Member) => string) => plan.groups.map(({ before, machines, after }) => {
  const named = machines.map((each) => words.actions.plan.member(each.name, stand(each), each.source_site, each.target_site));
  return [...before.map(called), ...named, ...after.map(called)].join(', ');
}).join('; ');

/** Which part of which plan is run, for what. */
type Part = { path: { plan: string }; query: { verb: PlanVerb; direction: 'away' | 'home' | undefined; leave_out: string[] } };

/** What hinders a run of the others. */
function LeaveOut({ plan, value, onChange }: { plan: Plan; value: ReadonlySet<string>; onChange: (to: ReadonlySet<string>) => void }) {
  const { plan: say } = words.actions;
  const rows = plan.groups.flatMap((group) => group.machines).map((each) => ({ id: each.id, name: `${each.name}, ${each.state ? plain(each.state) : words.plans.ended}` }));
  return (
    <ExpandableSection toggleText={say.leave}>
      <Ticks title={say.leave} rows={rows} value={value} onChange={onChange} />
    </ExpandableSection>
  );
}

function Points({ of: params, value, onChange }: { of: Part; value: Point; onChange: (to: Point) => void }) {
  const { data, error } = queries.useQuery('get', '/api/plans/{plan}/choices', { params }, WHILE_SHOWN);
  const { plan: say, point } = words.actions;
  if (error) return <p role="status">{told(error).says} {told(error).next}</p>;
  if (params.query.verb === 'planned_failover' && (data?.choices.length ?? 0) < 2) return null;
  const label = (each: Shapes['PlanChoice']) => `${point.kinds[each.choice]}, ${say.loses(span(each.loses_seconds))}`;
  return <Choice title={say.choice} value={value} onChange={(to) => onChange(to as Point)} options={(data?.choices ?? []).map((each) => [each.choice, label(each)] as const)} />;
}

/** What the run would be, group by group, as the vault says it. */
const usePreview = ({ path, query }: Part, choice: Point | undefined, sync: Sync | '') =>
  queries.useQuery('get', '/api/plans/{plan}/preview', { params: { path, query: { ...query, choice, data_sync: sync || undefined } } }, sync ? RARELY : WHILE_SHOWN);

function Shown({ of: preview }: { of: Shapes['PlanPreview'] }) {
  const { plan: say, predicted, unknown } = words.actions;
  const { problem, predicted: time } = preview;
  return (
    <>
      {problem && <Alert isInline variant="warning" component="h3" title={problem.message}>{problem.do}</Alert>}
      {(preview.warnings ?? []).map((each) => <Alert key={each} isInline variant="warning" component="h3" title={each} />)}
      <ol className="will">
        {(preview.groups ?? []).map((each) => (
          <li key={each.number}>{[say.order(each.number, each.machines.map((one) => one.name).join(', ')), each.before?.length && say.before(each.before.join(', ')), each.after?.length && say.after(each.after.join(', '))].filter(Boolean).join('; ')}</li>
        ))}
      </ol>
      {(preview.groups ?? []).flatMap((each) => each.machines).map((each) => <Sent key={each.id} of={each} />)}
      <Facts of={[
        [predicted, time && (time.seconds == null ? unknown : `${span(time.seconds)}${time.people ? say.people(time.people) : ''}`)],
        [say.out, preview.left_out?.join('; ')],
      ]} />
    </>
  );
}

/** What is sent of a machine that is not protected back, which way is recommended for it, and what is in the way. */
function Sent({ of: { name, synchronization: found } }: { of: Shapes['PlanPreviewMachine'] }) {
  const { plan: say, failback } = words.actions;
  if (!found) return null;
  const best = found.data_sync && failback.recommended(found.data_sync === 'before' ? failback.isBefore : failback.isDuring, found.data_sync_because ?? '');
  return (
    <>
      <p>{say.sends(name, bytes(found.send_bytes ?? found.disk_bytes), best ?? found.problem?.message ?? '')}</p>
      {!!found.obstacles?.length && <Obstacles of={found.obstacles} />}
    </>
  );
}

// A recovery plan while it is edited, and how its parts move. Pure: each gives another draft.
import type { Shapes } from '../../api';
import { words } from '../../words';
import { plain } from '../../words/format';
import { isName, readSpan, writeSpan } from '../reading';
import type { Line } from '../stale';

export type Kind = Shapes['FailoverKind'];
export type Direction = Shapes['Direction-Input'];
export type Machine = { key: string; name: string; isAway: boolean };
export type Action = {
  key: string; name: string; instruction: string; isScript: boolean; script: string; guest: string; timeout: string; kinds: readonly Kind[]; directions: readonly Direction[];
};
export type Group = { key: string; before: readonly Action[]; machines: readonly Machine[]; after: readonly Action[] };
export type Draft = { name: string; goal: string; held: string; groups: readonly Group[] };
export type Part = 'before' | 'machines' | 'after';
export type Place = { group: string; part: Part; at: number };

export const KINDS: readonly Kind[] = ['test', 'planned', 'unplanned'];
export const DIRECTIONS: readonly Direction[] = ['away', 'home'];
export const PARTS: readonly Part[] = ['before', 'machines', 'after'];
const USUAL_SECONDS = 600;
const LEAST_SECONDS = 1;
const MOST_SECONDS = 21_600;
const MOST_OF_A_GOAL = 2_592_000;
const LEAST_HELD = 300;
const MOST_HELD = 604_800;
export const MOST_OF_A_NAME = 80;
export const MOST_OF_AN_INSTRUCTION = 2000;

let keys = 0;
const newKey = () => `part-${(keys += 1)}`;

export const newAction = (): Action => ({
  key: newKey(), name: '', instruction: '', isScript: false, script: '', guest: '', timeout: writeSpan(USUAL_SECONDS), kinds: KINDS, directions: DIRECTIONS,
});
export const newGroup = (): Group => ({ key: newKey(), before: [], machines: [], after: [] });

function ofAction(of: Shapes['PlanAction-Output'], key: string): Action {
  const { name, instruction = '', script, guest, timeout_seconds: timeout = USUAL_SECONDS } = of;
  return { key, name, instruction, isScript: script != null, script: script ?? '', guest: guest ?? '', timeout: writeSpan(timeout), kinds: of.kinds as readonly Kind[], directions: of.directions as readonly Direction[] };
}

/** Parts are named by where they stood, so that the same plan gives the same draft. */
export function draftOf(plan: Shapes['Plan'] | undefined): Draft {
  if (!plan) return { name: '', goal: '0 s', held: '0 s', groups: [newGroup()] };
  const groups = plan.groups.map((group, at): Group => ({
    key: `group-${at}`,
    before: group.before.map((each, index) => ofAction(each, `before-${at}-${index}`)),
    machines: group.machines.map((each) => ({ key: each.id, name: each.name, isAway: each.state == null })),
    after: group.after.map((each, index) => ofAction(each, `after-${at}-${index}`)),
  }));
  return { name: plan.name, goal: writeSpan(plan.rto_goal_seconds), held: writeSpan(plan.commit_after_held_seconds), groups };
}

function bodyOfAction({ name, instruction, isScript, script, guest, timeout, kinds, directions }: Action): Shapes['PlanAction-Input'] {
  const what = isScript ? { script, guest: guest || null, timeout_seconds: readSpan(timeout) ?? USUAL_SECONDS } : {};
  return { name, instruction, kinds: [...kinds], directions: [...directions], ...what } as Shapes['PlanAction-Input'];
}

export function bodyOf({ goal, held, groups }: Draft): Shapes['PlanChange'] {
  return {
    groups: groups.map(({ before, machines, after }) => ({ machines: machines.map((each) => each.key), before: before.map(bodyOfAction), after: after.map(bodyOfAction) })),
    rto_goal_seconds: readSpan(goal) ?? 0,
    commit_after_held_seconds: readSpan(held) ?? 0,
  };
}

// What is wrong.

export const wrongName = (name: string) => !isName(name) && words.edits.wrong.name;

export function wrongGoal(goal: string): string | false {
  const seconds = readSpan(goal);
  return !(seconds !== undefined && Number.isInteger(seconds) && seconds <= MOST_OF_A_GOAL) && words.edits.wrong.span(0, MOST_OF_A_GOAL);
}

export function wrongHeld(held: string): string | false {
  const seconds = readSpan(held);
  const isSaid = seconds !== undefined && Number.isInteger(seconds);
  return !(isSaid && (seconds === 0 || (seconds >= LEAST_HELD && seconds <= MOST_HELD))) && words.edits.wrong.span(LEAST_HELD, MOST_HELD);
}

export const wrongGroup = (group: Group) => !group.machines.length && words.edits.plan.needMachine;

type WrongAction = Partial<Record<'name' | 'instruction' | 'script' | 'guest' | 'timeout' | 'kinds' | 'directions', string>>;

/** What is wrong with an action, by its field. `started`: the machines that run by then. */
export function wrongAction(action: Action, started: readonly Machine[]): WrongAction {
  const { wrong, plan } = words.edits;
  const seconds = readSpan(action.timeout);
  const says = {
    name: !action.name.trim() ? wrong.needed : action.name.length > MOST_OF_A_NAME && wrong.long(MOST_OF_A_NAME),
    instruction: !action.isScript && !action.instruction.trim() ? wrong.needed : action.instruction.length > MOST_OF_AN_INSTRUCTION && wrong.long(MOST_OF_AN_INSTRUCTION),
    script: action.isScript && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(action.script) && plan.fileWrong,
    guest: action.isScript && action.guest && !started.some((each) => isGuest(each, action.guest)) && plan.guestWrong,
    timeout: action.isScript && !(seconds && seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) && wrong.span(LEAST_SECONDS, MOST_SECONDS),
    kinds: !action.kinds.length && plan.needOne,
    directions: !action.directions.length && plan.needOne,
  };
  return Object.fromEntries(Object.entries(says).filter(([, each]) => each)) as WrongAction;
}

/** Whether an action names this machine: by its id or by its name. */
export const isGuest = ({ key, name }: Machine, guest: string) => guest === key || guest === name;

/** The machines that run before an action of this place. */
export function startedBy({ groups }: Draft, { group, part }: Pick<Place, 'group' | 'part'>): readonly Machine[] {
  const at = groups.findIndex((each) => each.key === group);
  return groups.slice(0, part === 'after' ? at + 1 : at).flatMap((each) => each.machines);
}

export function isSound(draft: Draft, isNew: boolean): boolean {
  const actions = draft.groups.flatMap((group) => (['before', 'after'] as const).flatMap((part) => group[part].map((each) => wrongAction(each, startedBy(draft, { group: group.key, part })))));
  return !(isNew && wrongName(draft.name)) && !wrongGoal(draft.goal) && !wrongHeld(draft.held) && draft.groups.length > 0 && !draft.groups.some(wrongGroup) && actions.every((each) => !Object.keys(each).length);
}

// How parts move.

export const isAction = (part: Part) => part !== 'machines';

/** The lists that something of this part can stand in, in the order of a run. */
export const placesFor = ({ groups }: Draft, part: Part): readonly { group: string; part: Part; number: number }[] =>
  groups.flatMap((group, at) => PARTS.filter((each) => isAction(each) === isAction(part)).map((each) => ({ group: group.key, part: each, number: at + 1 })));

export function find({ groups }: Draft, key: string): Place | undefined {
  for (const group of groups) {
    for (const part of PARTS) {
      const at = group[part].findIndex((each) => each.key === key);
      if (at >= 0) return { group: group.key, part, at };
    }
  }
  return undefined;
}

const inGroup = (draft: Draft, key: string, change: (group: Group) => Group): Draft => ({ ...draft, groups: draft.groups.map((each) => (each.key === key ? change(each) : each)) });

export function take(draft: Draft, key: string): Draft {
  const place = find(draft, key);
  return place ? inGroup(draft, place.group, (group) => ({ ...group, [place.part]: group[place.part].filter((each) => each.key !== key) })) : draft;
}

/** What stands next to it in its list, or before it: what is looked at once it is gone. */
export function neighbour({ groups }: Draft, key: string): string | undefined {
  const list = [groups, ...groups.flatMap((group) => PARTS.map((part) => group[part]))].find((each) => each.some((one) => one.key === key)) ?? [];
  const at = list.findIndex((each) => each.key === key);
  return (list[at + 1] ?? list[at - 1])?.key;
}

/** To before what stands at `to.at` there now. */
export function move(draft: Draft, key: string, to: Place): Draft {
  const from = find(draft, key);
  if (!from || isAction(from.part) !== isAction(to.part) || !draft.groups.some((each) => each.key === to.group)) return draft;
  const what = draft.groups.find((each) => each.key === from.group)![from.part][from.at]!;
  const isSameList = from.group === to.group && from.part === to.part;
  const at = isSameList && from.at < to.at ? to.at - 1 : to.at;
  return inGroup(take(draft, key), to.group, (group) => ({ ...group, [to.part]: (group[to.part] as readonly unknown[]).toSpliced(at, 0, what) }));
}

/** One step up or down; from the end of a list into the next one. */
export function step(draft: Draft, key: string, by: 1 | -1): Draft {
  const from = find(draft, key);
  if (!from) return draft;
  const list = draft.groups.find((each) => each.key === from.group)![from.part];
  if (from.at + by >= 0 && from.at + by < list.length) return move(draft, key, { ...from, at: by > 0 ? from.at + 2 : from.at - 1 });
  const places = placesFor(draft, from.part);
  const next = places[places.findIndex((each) => each.group === from.group && each.part === from.part) + by];
  if (!next) return draft;
  const length = draft.groups.find((each) => each.key === next.group)![next.part].length;
  return move(draft, key, { group: next.group, part: next.part, at: by > 0 ? 0 : length });
}

/** Puts a group before the one that is at `to` now. */
export function moveGroup(draft: Draft, key: string, to: number): Draft {
  const from = draft.groups.findIndex((each) => each.key === key);
  if (from < 0) return draft;
  const at = Math.max(0, Math.min(draft.groups.length - 1, from < to ? to - 1 : to));
  return { ...draft, groups: draft.groups.toSpliced(from, 1).toSpliced(at, 0, draft.groups[from]!) };
}

export const changeAction = (draft: Draft, place: Pick<Place, 'group' | 'part'>, to: Action): Draft =>
  inGroup(draft, place.group, (group) => ({ ...group, [place.part]: group[place.part].map((each) => (each.key === to.key ? to : each)) }));

export const addAction = (draft: Draft, { group: key, part }: Pick<Place, 'group' | 'part'>, what: Action): Draft => inGroup(draft, key, (group) => ({ ...group, [part]: [...group[part], what] }));

export const setMachines = (draft: Draft, key: string, machines: readonly Machine[]): Draft => inGroup(draft, key, (group) => ({ ...group, machines }));

export const titleOf = (draft: Draft, { group, part }: Pick<Place, 'group' | 'part'>) => words.edits.plan[part](draft.groups.findIndex((each) => each.key === group) + 1);

// In words, to compare versions by.

function told({ name, isScript, script, guest, timeout, instruction, kinds, directions }: Action): string {
  const what = isScript ? `${script}${guest && ` (${guest})`}, ${timeout}` : instruction;
  return `${name}: ${what} (${[...kinds, ...directions].map(plain).join(', ')})`;
}

export function linesOf({ goal, held, groups }: Draft): Line[] {
  const { plan } = words.edits;
  return [
    [plan.goal, goal],
    [plan.held, held],
    ...groups.flatMap(({ before, machines, after }, at): Line[] => [
      [plan.before(at + 1), before.map(told).join('; ')],
      [plan.machines(at + 1), machines.map((each) => each.name).join(', ')],
      [plan.after(at + 1), after.map(told).join('; ')],
    ]),
  ];
}

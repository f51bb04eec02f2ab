// The groups of a plan, in their order: dragged by their handles, or moved by buttons, which say aloud where it went.
import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import ArrowDownIcon from '@patternfly/react-icons/dist/esm/icons/arrow-down-icon';
import ArrowUpIcon from '@patternfly/react-icons/dist/esm/icons/arrow-up-icon';
import GripVerticalIcon from '@patternfly/react-icons/dist/esm/icons/grip-vertical-icon';
import PencilAltIcon from '@patternfly/react-icons/dist/esm/icons/pencil-alt-icon';
import TimesIcon from '@patternfly/react-icons/dist/esm/icons/times-icon';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Help } from '../../actions/fields';
import { Ticks } from '../../actions/ticked';
import { useMachines } from '../../live';
import { words } from '../../words';
import { ActionFields } from './action';
import { useDrag, type Dragged, type Fall } from './drag';
import {
  addAction, changeAction, find, isAction, move, moveGroup, neighbour, newAction, newGroup, placesFor, setMachines, startedBy, step, take, titleOf, wrongAction, wrongGroup,
  PARTS, type Action, type Draft, type Group, type Machine, type Part, type Place,
} from './draft';

type Change = (to: Draft) => void;
type Props = { draft: Draft; change: Change; tried: boolean };
type Tools = Props & {
  drag: ReturnType<typeof useDrag>;
  /** Takes over a move, says it aloud, and puts the focus back where it was: `focus` is an id. */
  go: (to: Draft, key: string, focus: string) => void;
  /** Takes something out, says so, and puts the focus on the same button of its neighbour, or on what adds to its list: `add` is an id. */
  drop: (to: Draft, key: string, name: string, add: string) => void;
  focusNext: (id: string) => void;
};

/** After the page has shown a move, what was pressed has the focus again, wherever it is now. */
function useFocus() {
  const wanted = useRef('');
  useEffect(() => {
    if (!wanted.current) return;
    document.getElementById(wanted.current)?.focus();
    wanted.current = '';
  });
  return (id: string) => void (wanted.current = id);
}

const ADDS_GROUP = 'adds-group';
const adds = (group: string, part: Part) => `${group}-${part}-add`;

const nameOf = (draft: Draft, { group, part, at }: Place) => draft.groups.find((each) => each.key === group)![part][at]!.name || words.edits.plan.newAction;
const lengthOf = (draft: Draft, { group, part }: Place) => draft.groups.find((each) => each.key === group)![part].length;

export function Groups({ draft, change, tried }: Props) {
  const [said, say] = useState('');
  const focusNext = useFocus();
  const { plan } = words.edits;
  const go = (to: Draft, key: string, focus: string) => {
    const place = find(to, key);
    const number = to.groups.findIndex((each) => each.key === key) + 1;
    if (place) say(plan.moved(nameOf(to, place), titleOf(to, place), place.at + 1, lengthOf(to, place)));
    else if (number) say(plan.movedGroup(number, to.groups.length));
    focusNext(focus);
    change(to);
  };
  const drop = (to: Draft, key: string, name: string, add: string) => {
    const next = neighbour(draft, key);
    say(plan.out(name));
    focusNext(next ? `${next}-drop` : add);
    change(to);
  };
  const drag = useDrag(({ key, isGroup }: Dragged, fall: Fall) => go(isGroup ? moveGroup(draft, key, groupAt(draft, fall)) : move(draft, key, placeOf(draft, fall)), key, `${key}-drag`));
  const tools = { draft, change, tried, drag, go, drop, focusNext };
  return (
    <>
      <p role="status" className="pf-v6-screen-reader">{said}</p>
      <ol className="plan-groups">{draft.groups.map((each, at) => <OneGroup key={each.key} group={each} number={at + 1} tools={tools} />)}</ol>
      {tried && !draft.groups.length && <Help id="no-group" wrong={plan.needGroup} />}
      <div className="acts"><Button id={ADDS_GROUP} variant="secondary" onClick={() => change({ ...draft, groups: [...draft.groups, newGroup()] })}>{plan.addGroup}</Button></div>
    </>
  );
}

const groupAt = ({ groups }: Draft, { before }: Fall) => (before === null ? groups.length : groups.findIndex((each) => each.key === before));

function placeOf(draft: Draft, { list, before }: Fall): Place {
  const [group = '', part = 'machines'] = list.split(' ') as [string?, Part?];
  const items = draft.groups.find((each) => each.key === group)?.[part] ?? [];
  const at = items.findIndex((each) => each.key === before);
  return { group, part, at: at < 0 ? items.length : at };
}

function OneGroup({ group, number, tools }: { group: Group; number: number; tools: Tools }) {
  const { draft, tried, drag, go, drop } = tools;
  const { plan } = words.edits;
  const name = plan.group(number);
  const out = () => drop({ ...draft, groups: draft.groups.filter((each) => each.key !== group.key) }, group.key, name, ADDS_GROUP);
  return (
    <li data-group={group.key} className={looks(drag, group.key)} aria-label={name}>
      <Row
        of={{ key: group.key, isGroup: true }} name={name} drag={drag} onDrop={out}
        onUp={() => go(moveGroup(draft, group.key, number - 2), group.key, `${group.key}-up`)} onDown={() => go(moveGroup(draft, group.key, number + 1), group.key, `${group.key}-down`)}
      ><h3>{name}</h3></Row>
      {PARTS.map((part) => <List key={part} group={group} part={part} number={number} tools={tools} />)}
      {tried && wrongGroup(group) && <Help id={`${group.key}-help`} wrong={wrongGroup(group)} />}
    </li>
  );
}

const looks = ({ dragged, fall }: Tools['drag'], key: string) => [dragged?.key === key && 'dragged', dragged && fall?.before === key && 'falls-before'].filter(Boolean).join(' ');

function List({ group, part, number, tools }: { group: Group; part: Part; number: number; tools: Tools }) {
  const { draft, change, drag, focusNext } = tools;
  const { plan } = words.edits;
  const title = plan[part](number);
  const list = `${group.key} ${part}`;
  const isUnder = drag.dragged && drag.fall?.list === list;
  const add = () => {
    const fresh = newAction();
    focusNext(`${fresh.key}-name`);
    change(addAction(draft, { group: group.key, part }, fresh));
  };
  return (
    <section aria-label={title} data-list={list} className={isUnder ? 'plan-list falls-into' : 'plan-list'}>
      <h4 className="lesser">{title}</h4>
      {group[part].length === 0 && <p className="small">{plan.nothing}</p>}
      <ol className="plan-items">{group[part].map((each) => <Item key={each.key} of={each} place={{ group: group.key, part }} tools={tools} />)}</ol>
      {isAction(part) ? <Button id={adds(group.key, part)} variant="link" isInline onClick={add}>{plan.addAction(title)}</Button> : <Machines group={group} number={number} tools={tools} />}
    </section>
  );
}

/** The choice of a group's machines: those of the group, and those that stand in no other one. */
function Machines({ group, number, tools: { draft, change, tried } }: { group: Group; number: number; tools: Tools }) {
  const [isOpen, setOpen] = useState(false);
  const rows = useMachines() ?? [];
  const { plan } = words.edits;
  const others = new Set(draft.groups.flatMap((each) => (each === group ? [] : each.machines.map((one) => one.key))));
  const free = rows.filter((each) => !others.has(each.id)).map((each) => ({ id: each.id, name: each.name }));
  const set = (ids: ReadonlySet<string>) => {
    const fresh = free.filter((each) => ids.has(each.id) && !group.machines.some((one) => one.key === each.id));
    const kept = group.machines.filter((each) => ids.has(each.key));
    change(setMachines(draft, group.key, [...kept, ...fresh.map((each): Machine => ({ key: each.id, name: each.name, isAway: false }))]));
  };
  return (
    <>
      <Button id={adds(group.key, 'machines')} variant="link" isInline aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{plan.addMachines(number)}</Button>
      {isOpen && <Ticks title={plan.machines(number)} rows={free} value={new Set(group.machines.map((each) => each.key))} onChange={set} wrong={tried && wrongGroup(group)} />}
    </>
  );
}

const isManual = (of: Machine | Action): of is Action => 'instruction' in of;

function Item({ of, place, tools }: { of: Machine | Action; place: Pick<Place, 'group' | 'part'>; tools: Tools }) {
  const { draft, drag, go, tried, change } = tools;
  const [opened, setOpen] = useState(() => isManual(of) && !of.name);
  const { plan } = words.edits;
  const name = of.name || plan.newAction;
  const wrong = isManual(of) ? wrongAction(of, startedBy(draft, place)) : {};
  const isOpen = isManual(of) && (opened || (tried && Object.keys(wrong).length > 0));
  const out = () => tools.drop(take(draft, of.key), of.key, name, adds(place.group, place.part));
  return (
    <li data-key={of.key} className={looks(drag, of.key)}>
      <Row
        of={{ key: of.key, isGroup: false }} name={name} drag={drag} onDrop={out} onUp={() => go(step(draft, of.key, -1), of.key, `${of.key}-up`)} onDown={() => go(step(draft, of.key, 1), of.key, `${of.key}-down`)}
        place={<Where of={of} place={place} tools={tools} name={name} />} isOpen={isOpen} onEdit={isManual(of) ? () => setOpen(!isOpen) : undefined}
      >{isManual(of) ? `${name} (${of.isScript ? plan.script : plan.person})` : `${name}${of.isAway ? `, ${plan.away}` : ''}`}</Row>
      {isManual(of) && isOpen && <ActionFields action={of} started={startedBy(draft, place)} wrong={tried ? wrong : {}} onChange={(to) => change(changeAction(draft, place, to))} />}
    </li>
  );
}

/** To another list in one go. */
function Where({ of, place, name, tools: { draft, go } }: { of: Machine | Action; place: Pick<Place, 'group' | 'part'>; name: string; tools: Tools }) {
  const { plan } = words.edits;
  const places = placesFor(draft, place.part);
  const at = (value: string) => places.find((each) => `${each.group} ${each.part}` === value)!;
  const to = (value: string) => go(move(draft, of.key, { ...at(value), at: Infinity }), of.key, `${of.key}-place`);
  return (
    <FormSelect id={`${of.key}-place`} className="plan-place" value={`${place.group} ${place.part}`} aria-label={plan.place(name)} onChange={(_, value) => to(value)}>
      {places.map((each) => <FormSelectOption key={`${each.group} ${each.part}`} value={`${each.group} ${each.part}`} label={plan[each.part](each.number)} />)}
    </FormSelect>
  );
}

/** What moves as one: its handle, its name, and the buttons that do the same as dragging. */
function Row({ of, name, drag, place, isOpen, onUp, onDown, onDrop, onEdit, children }: {
  of: Dragged; name: string; drag: Tools['drag']; place?: ReactNode; isOpen?: boolean; onUp: () => void; onDown: () => void; onDrop: () => void; onEdit?: (() => void) | undefined; children: ReactNode;
}) {
  const { plan } = words.edits;
  const button = (kind: string, label: string, icon: ReactNode, act: () => void) => <Button id={`${of.key}-${kind}`} variant="plain" size="sm" aria-label={label} title={label} icon={icon} onClick={act} />;
  return (
    <div className="plan-row">
      <span id={`${of.key}-drag`} className="handle" title={plan.drag(name)} aria-hidden="true" {...drag.handle(of)}><GripVerticalIcon /></span>
      <div className="name plan-name">{children}</div>
      {place}
      <span className="plan-buttons">
        {onEdit && <Button variant="plain" size="sm" aria-label={plan.change(name)} title={plan.change(name)} aria-expanded={isOpen} icon={<PencilAltIcon />} onClick={onEdit} />}
        {button('up', plan.up(name), <ArrowUpIcon />, onUp)}
        {button('down', plan.down(name), <ArrowDownIcon />, onDown)}
        {button('drop', plan.drop(name), <TimesIcon />, onDrop)}
      </span>
    </div>
  );
}

// All machines under protection: searched as one types, filtered, sorted; any number of them.
import { Content, FormSelect, FormSelectOption, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'wouter';
import { BatchAct, ProtectAct } from '../actions/list-acts';
import { useMachines, useNow, type MachineRow } from '../live';
import { HealthLabel } from '../parts/labels';
import { PageFrame, To, machinePath } from '../parts/frame';
import { Empty, Loading } from '../parts/state';
import { VirtualTable, type Column, type Order } from '../parts/virtual';
import { words } from '../words';
import { bytes, plain, span } from '../words/format';

const FILTERS = ['health', 'state', 'site', 'policy', 'group', 'finding'] as const;
type Filter = (typeof FILTERS)[number];

const VALUES: Record<Filter, (row: MachineRow) => readonly (string | null)[]> = {
  health: (row) => [row.health],
  state: (row) => [row.state],
  site: (row) => [row.source_site, row.target_site],
  policy: (row) => [row.policy],
  group: (row) => [row.group],
  finding: (row) => row.findings,
};
const WORST: Record<MachineRow['health'], number> = { critical: 0, warning: 1, healthy: 2, not_applicable: 3 };

/** By what each column sorts; null comes last in both directions. */
const KEYS: Record<string, (row: MachineRow) => string | number | null> = {
  name: (row) => row.name,
  health: (row) => WORST[row.health],
  state: (row) => row.state,
  rpo: (row) => (row.recoverable_at === null ? null : -row.recoverable_at),
  points: (row) => row.points,
  stored: (row) => row.stored_bytes,
  drilled: (row) => row.drilled_at,
};

function inOrder(rows: readonly MachineRow[], { by, isDown }: Order): readonly MachineRow[] {
  if (by === 'name' && !isDown) return rows;
  const key = KEYS[by] ?? KEYS['name']!;
  const sign = isDown ? -1 : 1;
  return rows.map((row) => [key(row), row] as const).sort(([a], [b]) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return a < b ? -sign : a > b ? sign : 0;
  }).map(([, row]) => row);
}

function columns(now: number): Column<MachineRow>[] {
  const { machines } = words;
  return [
    { title: machines.name, by: 'name', cell: (row) => <To path={machinePath(row.id)}>{row.name}</To>, says: (row) => row.name },
    { title: machines.health, width: 8.5, by: 'health', cell: (row) => <HealthLabel of={row.health} />, says: (row) => words.health[row.health] },
    { title: machines.state, width: 9, by: 'state', cell: stateOf, says: stateOf, isMinor: true },
    { title: machines.rpo, width: 9, by: 'rpo', cell: (row) => <Rpo of={row} now={now} />, isFigure: true },
    { title: machines.way, width: 6.5, cell: wayOf, says: wayOf, isMinor: true },
    { title: machines.points, width: 5.5, by: 'points', cell: (row) => row.points, isMinor: true, isFigure: true },
    { title: machines.stored, width: 5.5, by: 'stored', cell: (row) => bytes(row.stored_bytes), isMinor: true, isFigure: true },
    { title: machines.drilled, width: 6.5, by: 'drilled', cell: (row) => (row.drilled_at === null ? machines.never : words.ago(span(Math.floor(now - row.drilled_at)))), isMinor: true, isFigure: true },
  ];
}

const wayOf = ({ source_site: source, target_site: target }: MachineRow) => words.machines.from(source, target);

function stateOf(row: MachineRow): string {
  const drill = row.drill_state === 'none' ? '' : `, ${words.machines.drill(plain(row.drill_state))}`;
  const percent = row.synchronized_percent === null ? '' : ` (${row.synchronized_percent} %)`;
  return `${plain(row.state)}${percent}${drill}`;
}

function Rpo({ of: row, now }: { of: MachineRow; now: number }) {
  if (row.recoverable_at === null) return <>{words.none}</>;
  const seconds = Math.max(0, Math.floor(now - row.recoverable_at));
  const isLate = row.rpo_goal_seconds !== null && seconds > row.rpo_goal_seconds;
  return isLate ? <strong className="late">{words.machines.late(span(seconds))}</strong> : <>{span(seconds)}</>;
}

export default function Machines() {
  const rows = useMachines();
  return (
    <PageFrame title={words.pages.machines} fills aside={rows && <div className="acts"><Content component="small">{words.machines.count(rows.length)}</Content><ProtectAct /></div>}>
      {rows === undefined ? <Loading /> : rows.length ? <List rows={rows} /> : <Empty says={words.machines.none}>{words.machines.noneDo}</Empty>}
    </PageFrame>
  );
}

const STEADY_MS = 5_000;

/** What is sorted by what changes stays where it is while a hand is at it, and some seconds longer: else another row is
 * under the pointer when it is pressed. `asked`: what was sorted and filtered by; a new one counts at once. */
function useSteady(rows: readonly MachineRow[], asked: string) {
  const kept = useRef({ asked: '', places: new Map<string, number>(), until: 0 }).current;
  const point = () => void (kept.until = Date.now() + STEADY_MS);
  if (kept.asked === asked && Date.now() < kept.until) {
    const place = (row: MachineRow) => kept.places.get(row.id) ?? Infinity;
    return { rows: rows.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0)), point };
  }
  kept.asked = asked;
  kept.places = new Map(rows.map((row, at) => [row.id, at]));
  return { rows, point };
}

function List({ rows }: { rows: readonly MachineRow[] }) {
  const [asked, ask] = useSearchParams();
  const word = asked.get('search') ?? '';
  const [order, setOrder] = useState<Order>({ by: 'name', isDown: false });
  const sought = useDeferredValue(word.trim().toLowerCase());
  const now = useNow();
  const found = useMemo(() => {
    const wanted = FILTERS.flatMap((each) => (asked.get(each) ? [[each, asked.get(each)] as const] : []));
    const fits = (row: MachineRow) => row.name.toLowerCase().includes(sought) && wanted.every(([each, value]) => VALUES[each](row).includes(value));
    return inOrder(rows.filter(fits), order);
  }, [rows, sought, asked, order]);
  const steady = useSteady(found, `${asked} ${order.by} ${order.isDown}`);
  const choose = (what: Filter | 'search', value: string) => ask((present) => {
    value ? present.set(what, value) : present.delete(what);
    return present;
  }, { replace: true });
  return (
    <>
      <Toolbar isStatic className="filters">
        <ToolbarContent>
          <ToolbarItem><SearchInput aria-label={words.machines.search} placeholder={words.machines.search} value={word} onChange={(_, to) => choose('search', to)} onClear={() => choose('search', '')} /></ToolbarItem>
          <ToolbarItem><BatchAct rows={found} /></ToolbarItem>
          {FILTERS.map((each) => <Choice key={each} filter={each} rows={rows} value={asked.get(each) ?? ''} choose={choose} />)}
          <ToolbarItem alignSelf="center"><span role="status" className="figure">{found.length === rows.length ? '' : words.machines.found(found.length)}</span></ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      {found.length ? (
        <VirtualTable name={words.pages.machines} rows={steady.rows} columns={columns(now)} idOf={(row) => row.id} order={order} onOrder={setOrder} onPoint={steady.point} />
      ) : (
        <Empty says={words.machines.noneFits} />
      )}
    </>
  );
}

function Choice({ filter, rows, value, choose }: { filter: Filter; rows: readonly MachineRow[]; value: string; choose: (filter: Filter, value: string) => void }) {
  const found = useMemo(() => [...new Set(rows.flatMap(VALUES[filter]))].filter((each) => each !== null).sort(), [rows, filter]);
  const options = value && !found.includes(value) ? [...found, value] : found;
  if (options.length < 2 && !value) return null;
  const title = words.machines.filters[filter];
  return (
    <ToolbarItem>
      <FormSelect aria-label={title} value={value} onChange={(_, to) => choose(filter, to)}>
        <FormSelectOption value="" label={words.machines.any(title)} />
        {options.map((each) => <FormSelectOption key={each} value={each} label={plain(each)} />)}
      </FormSelect>
    </ToolbarItem>
  );
}

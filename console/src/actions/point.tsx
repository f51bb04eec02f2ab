// The choice of a recovery point by its instant, with what it loses; one of the points, or any instant of the journal.
import { FormGroup, FormHelperText, Radio } from '@patternfly/react-core';
import { useId } from 'react';
import { WHILE_SHOWN, queries, type Shapes } from '../api';
import { vaultNow } from '../api/clock';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { instant, span } from '../words/format';
import type { Machine } from './dialog';
import { Choice, Text } from './fields';

export type Kind = Shapes['RecoveryPointChoice'] | 'at';
export type Chosen = { kind: Kind; point: string; at: string };
export const chosen = (kind: Kind): Chosen => ({ kind, point: '', at: '' });
const MOST_POINTS = 200;
const WRITTEN = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)Z?$/;

/** "2026-11-30 08:09:10" as the API writes it; undefined if it is no instant: of 30 February a browser makes another day. */
export function read(at: string): string | undefined {
  const [, day, time] = WRITTEN.exec(at.trim()) ?? [];
  const ms = Date.parse(`${day}T${time}Z`);
  const found = Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  return found.startsWith(`${day}T${time}`) ? found : undefined;
}

export function lacking({ kind, point, at }: Chosen): string | false {
  const { needOne, needAt, late } = words.actions.point;
  if (kind === 'custom') return !point && needOne;
  if (kind !== 'at') return false;
  const asked = read(at);
  if (!asked) return needAt;
  return Date.parse(asked) > vaultNow() && late;
}

/** As the body of a verb has it. */
export function asOptions({ kind, point, at }: Chosen) {
  if (kind === 'at') return { at: read(at) ?? null };
  return kind === 'custom' ? { point } : { choice: kind };
}

export function PointChoice({ machine, verb, value, onChange, tried }: {
  machine: Machine; verb: 'failover' | 'test_failover' | 'change_recovery_point'; value: Chosen; onChange: (to: Chosen) => void; tried: boolean;
}) {
  const id = useId();
  const found = queries.useQuery('get', '/api/machines/{machine}/choices', { params: { path: { machine: machine.id }, query: { verb } } }, WHILE_SHOWN);
  const { point } = words.actions;
  const radio = (kind: Kind, description?: string) => (
    <Radio key={kind} id={`${id}-${kind}`} name={id} label={point.kinds[kind]} description={description} isChecked={value.kind === kind} onChange={() => onChange({ ...value, kind })} />
  );
  const wrong = tried && lacking(value);
  return (
    <FormGroup role="radiogroup" label={point.title} isStack fieldId={id}>
      <Asking of={found}>
        {({ choices }) => (
          <>
            {choices.filter((each) => each.choice !== 'custom').map((each) => radio(each.choice, each.taken_at ? point.choice(instant(each.taken_at), span(each.loses_seconds)) : undefined))}
            {choices.some((each) => each.choice === 'custom') && radio('custom')}
            {value.kind === 'custom' && <OnePoint machine={machine} value={value} onChange={onChange} wrong={wrong} />}
            {choices.some((each) => each.choice === 'custom') && radio('at')}
            {value.kind === 'at' && <Text title={point.at} value={value.at} onChange={(at) => onChange({ ...value, at })} wrong={wrong} help={point.atHelp(instant(machine.points.newest?.taken_at))} />}
          </>
        )}
      </Asking>
      {!lacking(value) && <Picked machine={machine} value={value} />}
    </FormGroup>
  );
}

function OnePoint({ machine, value, onChange, wrong }: { machine: Machine; value: Chosen; onChange: (to: Chosen) => void; wrong: string | false }) {
  const found = queries.useQuery('get', '/api/machines/{machine}/points', { params: { path: { machine: machine.id }, query: { limit: MOST_POINTS } } });
  const { points } = words;
  const label = (each: Shapes['PointShape']) => `${instant(each.taken_at)}, ${points.kinds[each.consistency ?? 'crash']}${each.proof ? `, ${each.proof}` : ''}`;
  return (
    <Asking of={found}>
      {({ items }) => <Choice title={words.actions.point.one} value={value.point} wrong={wrong} onChange={(point) => onChange({ ...value, point })} options={[['', words.none], ...items.filter((each) => !each.damaged).map((each) => [each.id, label(each)] as const)]} />}
    </Asking>
  );
}

/** What the vault would pick now. */
function Picked({ machine, value: { kind, point, at } }: { machine: Machine; value: Chosen }) {
  const query = kind === 'at' ? { at: read(at) } : kind === 'custom' ? { point } : { choice: kind };
  const { data, error } = queries.useQuery('get', '/api/machines/{machine}/preview', { params: { path: { machine: machine.id }, query } }, WHILE_SHOWN);
  const { point: say } = words.actions;
  const problem = data?.problem ?? (error ? { message: told(error).says, do: told(error).next } : null);
  const name = data?.point && instant(data.point.taken_at);
  const what = data?.forward && name ? say.forward(name, instant(data.forward.taken_at)) : name;
  return <FormHelperText><p role="status">{problem ? <>{problem.message} {problem.do}</> : what ? say.picks(what, span(data?.loses_seconds)) : words.loading}</p></FormHelperText>;
}

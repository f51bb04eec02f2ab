// Protection's further choices: where the replica goes, which machines are kept apart, and which disks are left out.
import { ExpandableSection } from '@patternfly/react-core';
import { queries, type Shapes } from '../api';
import { words } from '../words';
import { bytes } from '../words/format';
import { Choice, Text } from './fields';
import { Ticks } from './ticked';

/** `out`: disks that are left out, as "MACHINE DISK". */
export type More = { appliance: string; store: string; apart: string; together: string; out: ReadonlySet<string> };
export const NOTHING_MORE: More = { appliance: '', store: '', apart: '', together: '', out: new Set() };
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}$/;
const MOST_SHOWN = 10;

type Disks = ReadonlyMap<string, Shapes['Machine']['disks']>;

/** Machines of a site that could be protected. */
export function useUnprotected(site: string) {
  const { data } = queries.useQuery('get', '/api/discovery', { params: { query: { site } } }, { enabled: site !== '' });
  return data?.[0]?.machines ?? [];
}

export const isSoundMore = ({ apart, together }: More) => [apart, together].every((each) => !each || WORD.test(each));

/** As the body of the call has it. */
export function asBody({ appliance, store, apart, together, out }: More, machines: readonly string[], disks: Disks) {
  const without = machines.filter((machine) => (disks.get(machine) ?? []).some((each) => out.has(`${machine} ${each.key}`)));
  const left = (machine: string) => (disks.get(machine) ?? []).map((each) => each.key).filter((each) => !out.has(`${machine} ${each}`));
  return {
    target_appliance: appliance || null, store: store || null, apart: apart || null, together: together || null,
    disks: Object.fromEntries(without.map((machine) => [machine, left(machine)])),
  };
}

export function MoreFields({ target, machines, value, onChange, tried }: {
  target: string; machines: readonly Shapes['Machine'][]; value: More; onChange: (to: More) => void; tried: boolean;
}) {
  const appliances = (queries.useQuery('get', '/api/appliances').data ?? []).filter((each) => each.site === target);
  const { enable } = words.actions;
  const stores = [...new Set(appliances.filter((each) => !value.appliance || each.id === value.appliance).flatMap((each) => each.stores.map((one) => one.name)))];
  const wrong = (text: string) => tried && text !== '' && !WORD.test(text) && words.edits.wrong.word;
  const kept = ({ id, disks }: Shapes['Machine']) => new Set(disks.map((each) => each.key).filter((each) => !value.out.has(`${id} ${each}`)));
  const keep = ({ id, disks }: Shapes['Machine'], keys: ReadonlySet<string>) => {
    const out = new Set(value.out);
    for (const { key } of disks) keys.has(key) ? out.delete(`${id} ${key}`) : out.add(`${id} ${key}`);
    onChange({ ...value, out });
  };
  return (
    <ExpandableSection toggleText={enable.more}>
      <div className="item">
        <Choice title={enable.appliance} value={value.appliance} onChange={(appliance) => onChange({ ...value, appliance, store: '' })} options={[['', enable.any], ...appliances.map((each) => [each.id, each.name] as const)]} />
        <Choice title={enable.store} value={value.store} onChange={(store) => onChange({ ...value, store })} options={[['', enable.anyStore], ...stores.map((each) => [each, each] as const)]} />
        <Text title={words.machine.set.apart} value={value.apart} onChange={(apart) => onChange({ ...value, apart })} help={words.edits.machine.apartHelp} wrong={wrong(value.apart)} />
        <Text title={words.machine.set.together} value={value.together} onChange={(together) => onChange({ ...value, together })} help={words.edits.machine.togetherHelp} wrong={wrong(value.together)} />
        {machines.slice(0, MOST_SHOWN).map((machine) => (
          <Ticks
            key={machine.id} title={enable.disks(machine.name)} rows={machine.disks.map((each) => ({ id: each.key, name: `${each.key}, ${bytes(each.size_bytes)}` }))}
            value={kept(machine)} onChange={(keys) => keep(machine, keys)} wrong={tried && !kept(machine).size && enable.needDisk}
          />
        ))}
      </div>
    </ExpandableSection>
  );
}

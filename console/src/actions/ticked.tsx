// Machines to tick: those that one call is about.
import { Checkbox, FormGroup } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { words } from '../words';
import { Help, Text } from './fields';

/** `cannot`: why it is not to be chosen now. */
export type Ticked = { id: string; name: string; cannot?: string | undefined };
const SHOWN = 100;

/** A list with a search and a tick for each; of many the first that fit are shown. What cannot be chosen any more can be taken out. */
export function Ticks({ title, rows, value, onChange, wrong }: { title: string; rows: readonly Ticked[]; value: ReadonlySet<string>; onChange: (to: ReadonlySet<string>) => void; wrong?: string | false }) {
  const [word, setWord] = useState('');
  const id = useId();
  const { batch, enable } = words.actions;
  const found = rows.filter((each) => each.name.toLowerCase().includes(word.trim().toLowerCase()));
  const free = found.filter((each) => !each.cannot);
  const turn = (which: readonly Ticked[], on: boolean) => {
    const to = new Set(value);
    for (const each of which) on ? to.add(each.id) : to.delete(each.id);
    onChange(to);
  };
  return (
    <FormGroup role="group" label={title} fieldId={id} isStack>
      {rows.length > 8 && <Text isSearch title={enable.find} value={word} onChange={setWord} />}
      <Checkbox id={`${id}-all`} label={batch.all} isChecked={free.length > 0 && free.every((each) => value.has(each.id))} isDisabled={!free.length} onChange={(_, on) => turn(free, on)} aria-invalid={!!wrong} aria-describedby={`${id}-help`} />
      <div className="ticks">
        {found.slice(0, SHOWN).map((each) => <Checkbox key={each.id} id={`${id}-${each.id}`} label={each.cannot ? `${each.name}: ${each.cannot}` : each.name} isDisabled={!!each.cannot && !value.has(each.id)} isChecked={value.has(each.id)} onChange={(_, on) => turn([each], on)} />)}
      </div>
      <Help id={`${id}-help`} wrong={wrong}>{batch.count(value.size, rows.length)}</Help>
    </FormGroup>
  );
}

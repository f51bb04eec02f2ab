// Machines to tick: those that one call is about.
import { Checkbox, FormGroup } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { words } from '../words';
import { Help, Text } from './fields';

export type Ticked = { id: string; name: string };
const SHOWN = 100;

/** A list with a search and a tick for each; of many the first that fit are shown. */
export function Ticks({ title, rows, value, onChange, wrong }: { title: string; rows: readonly Ticked[]; value: ReadonlySet<string>; onChange: (to: ReadonlySet<string>) => void; wrong?: string | false }) {
  const [word, setWord] = useState('');
  const id = useId();
  const { batch, enable } = words.actions;
  const found = rows.filter((each) => each.name.toLowerCase().includes(word.trim().toLowerCase()));
  const turn = (which: readonly Ticked[], on: boolean) => {
    const to = new Set(value);
    for (const each of which) on ? to.add(each.id) : to.delete(each.id);
    onChange(to);
  };
  return (
    <FormGroup role="group" label={title} fieldId={id} isStack>
      {rows.length > 8 && <Text title={enable.find} value={word} onChange={setWord} />}
      <Checkbox id={`${id}-all`} label={batch.all} isChecked={found.length > 0 && found.every((each) => value.has(each.id))} onChange={(_, on) => turn(found, on)} aria-invalid={!!wrong} aria-describedby={`${id}-help`} />
      <div className="ticks">
        {found.slice(0, SHOWN).map((each) => <Checkbox key={each.id} id={`${id}-${each.id}`} label={each.name} isChecked={value.has(each.id)} onChange={(_, on) => turn([each], on)} />)}
      </div>
      <Help id={`${id}-help`} wrong={wrong}>{batch.count(value.size, rows.length)}</Help>
    </FormGroup>
  );
}

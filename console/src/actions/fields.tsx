// Fields of dialogs. Each says by itself what is wrong with what was given.
import { Checkbox, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextArea, TextInput } from '@patternfly/react-core';
import { useId, useRef, type ReactNode } from 'react';
import { words } from '../words';

/** What is wrong with what was given. */
export type Wrong = string | false | undefined;

export function Help({ id, wrong, children }: { id: string; wrong?: Wrong; children?: ReactNode }) {
  return (
    <FormHelperText id={id}>
      {(wrong || children) && <HelperText><HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong || children}</HelperTextItem></HelperText>}
    </FormHelperText>
  );
}

export function Text({ id: own, title, value, onChange, help, wrong, isSearch }: { id?: string; title: string; value: string; onChange: (to: string) => void; help?: ReactNode; wrong?: Wrong; isSearch?: boolean }) {
  const made = useId();
  const id = own ?? made;
  return (
    <FormGroup label={title} fieldId={id}>
      <TextInput id={id} type={isSearch ? 'search' : 'text'} value={value} onChange={(_, to) => onChange(to)} autoComplete="off" spellCheck={false} validated={wrong ? 'error' : 'default'} aria-describedby={`${id}-help`} />
      <Help id={`${id}-help`} wrong={wrong}>{help}</Help>
    </FormGroup>
  );
}

/** Whether a name was typed: blanks at its ends, and how many stand in it, are seen by nobody. */
export const isSame = (typed: string, name: string) => spaced(typed) === spaced(name);
const spaced = (text: string) => text.trim().replace(/\s+/g, ' ');

/** The name of what loses something, typed by whoever means it. */
export function Typed({ name, value, onChange, tried }: { name: string; value: string; onChange: (to: string) => void; tried: boolean }) {
  return <Text title={words.actions.confirm(name)} value={value} onChange={onChange} wrong={tried && !isSame(value, name) && words.actions.confirmWrong(name)} />;
}

export function Notes({ title, value, onChange, help, wrong }: { title: string; value: string; onChange: (to: string) => void; help: string; wrong?: Wrong }) {
  const id = useId();
  return (
    <FormGroup label={title} fieldId={id}>
      <TextArea id={id} value={value} onChange={(_, to) => onChange(to)} resizeOrientation="vertical" validated={wrong ? 'error' : 'default'} aria-describedby={`${id}-help`} />
      <Help id={`${id}-help`} wrong={wrong}>{help}</Help>
    </FormGroup>
  );
}

export function Choice({ title, value, onChange, options, wrong }: {
  title: string; value: string; onChange: (to: string) => void; options: readonly (readonly [value: string, label: string])[]; wrong?: Wrong;
}) {
  const id = useId();
  const known = useRef(new Map<string, string>()).current; // options may be read again, and what was chosen be no more
  for (const [each, label] of options) known.set(each, label);
  const isGone = options.length > 0 && !options.some(([each]) => each === value);
  return (
    <FormGroup label={title} fieldId={id}>
      <FormSelect id={id} value={value} onChange={(_, to) => onChange(to)} validated={wrong ? 'error' : 'default'} aria-describedby={`${id}-help`}>
        {isGone && <FormSelectOption value={value} label={words.actions.gone(known.get(value) ?? value)} isDisabled />}
        {options.map(([each, label]) => <FormSelectOption key={each} value={each} label={label} />)}
      </FormSelect>
      <Help id={`${id}-help`} wrong={wrong} />
    </FormGroup>
  );
}

export function Tick({ title, help, value, onChange }: { title: string; help?: string; value: boolean; onChange: (to: boolean) => void }) {
  return <Checkbox id={useId()} label={title} description={help} isChecked={value} onChange={(_, to) => onChange(to)} />;
}

export const NOTES_MOST = 4000;
export const isLong = (notes: string) => notes.length > NOTES_MOST && words.actions.notesLong(notes.length);

// Forms by description: what a field is called, what it takes, and what is wrong with what was given.
import { Choice, Notes, Text, Tick } from '../actions/fields';
import { words } from '../words';
import { isName, readList, readSize, readSpan } from './reading';
import type { Line } from './stale';

type Value = string | boolean;
export type Given = Readonly<Record<string, Value>>;
type Options = readonly (readonly [value: string, label: string])[];

/** `wrong`: what is wrong with what was given, in words. `isFor`: whether the field is there, by what else was given. */
export type Field<D extends Given> = {
  name: keyof D & string;
  title: string;
  help?: string;
  kind?: 'text' | 'lines' | 'tick';
  options?: Options;
  wrong?: (text: string, draft: D) => string | false;
  isFor?: (draft: D) => boolean;
};

const wrongOf = <D extends Given>(field: Field<D>, draft: D) => {
  const value = draft[field.name];
  return typeof value === 'string' && field.wrong?.(value, draft);
};
const there = <D extends Given>(fields: readonly Field<D>[], draft: D) => fields.filter((each) => each.isFor?.(draft) ?? true);

export const isSound = <D extends Given>(fields: readonly Field<D>[], draft: D) => !there(fields, draft).some((each) => wrongOf(each, draft));

function shown<D extends Given>({ name, options }: Field<D>, draft: D): string {
  const value = draft[name]!;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  return options?.find(([each]) => each === value)?.[1] ?? value;
}

/** The draft in words, line by line. */
export const linesOf = <D extends Given>(fields: readonly Field<D>[], draft: D): Line[] => there(fields, draft).map((each) => [each.title, shown(each, draft)]);

export function Fields<D extends Given>({ fields, draft, onChange, tried }: { fields: readonly Field<D>[]; draft: D; onChange: (to: D) => void; tried: boolean }) {
  return <>{there(fields, draft).map((each) => <One key={each.name} field={each} draft={draft} onChange={onChange} tried={tried} />)}</>;
}

function One<D extends Given>({ field, draft, onChange, tried }: { field: Field<D>; draft: D; onChange: (to: D) => void; tried: boolean }) {
  const { name, title, help = '', kind, options } = field;
  const value = draft[name]!;
  const change = (to: Value) => onChange({ ...draft, [name]: to });
  if (typeof value === 'boolean') return <Tick title={title} help={help} value={value} onChange={change} />;
  const wrong = tried && wrongOf(field, draft);
  if (options) return <Choice title={title} value={value} onChange={change} options={options} wrong={wrong} />;
  if (kind === 'lines') return <Notes title={title} value={value} onChange={change} help={help} wrong={wrong} />;
  return <Text title={title} value={value} onChange={change} help={help} wrong={wrong} />;
}

/** What may be wrong. An empty text is right unless something is needed. */
const { wrong } = words.edits;
export const needed = (most: number) => (text: string) => (!text.trim() ? wrong.needed : text.length > most && wrong.long(most));
export const named = (text: string) => !isName(text) && wrong.name;
export const within = (least: number, most: number) => (text: string) => {
  const number = /^\s*\d+\s*$/.test(text) ? Number(text) : NaN;
  return !(number >= least && number <= most) && wrong.number(least, most);
};
export const spanWithin = (least: number, most: number) => (text: string) => {
  const seconds = readSpan(text);
  return !(seconds !== undefined && seconds >= least && seconds <= most) && wrong.span(least, most);
};
export const sized = (text: string) => readSize(text) === undefined && wrong.size;
export const some = (text: string) => !readList(text).length && wrong.needed;
export const orNone = (check: (text: string) => string | false) => (text: string) => text.trim() !== '' && check(text);

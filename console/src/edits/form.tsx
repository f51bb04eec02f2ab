// Forms by description: what a field is called, what it takes, and what is wrong with what was given.
import { useId } from 'react';
import { Choice, Notes, Text, Tick } from '../actions/fields';
import { words } from '../words';
import { Field as Secret } from '../parts/field';
import { isName, readList, readRate, readSize, readSpan } from './reading';
import type { Line } from './stale';

type Value = string | boolean;
export type Given = Readonly<Record<string, Value>>;
export type Options = readonly (readonly [value: string, label: string])[];
/** As options whose labels are their values. */
export const plainOptions = (all: readonly string[]): Options => all.map((each) => [each, each] as const);

/** `wrong`: what is wrong with what was given, in words. `isFor`: whether the field is there, by what else was given. */
export type Field<D extends Given> = {
  name: keyof D & string;
  title: string;
  help?: string;
  kind?: 'text' | 'lines' | 'secret';
  options?: Options | ((draft: D) => Options);
  wrong?: (text: string, draft: D) => string | false;
  isFor?: (draft: D) => boolean;
};

const wrongOf = <D extends Given>(field: Field<D>, draft: D) => {
  const value = draft[field.name];
  return typeof value === 'string' && field.wrong?.(value, draft);
};
const there = <D extends Given>(fields: readonly Field<D>[], draft: D) => fields.filter((each) => each.isFor?.(draft) ?? true);

export const isSound = <D extends Given>(fields: readonly Field<D>[], draft: D) => !there(fields, draft).some((each) => wrongOf(each, draft));

const optionsOf = <D extends Given>({ options }: Field<D>, draft: D) => (typeof options === 'function' ? options(draft) : options);

function shown<D extends Given>(field: Field<D>, draft: D): string {
  const value = draft[field.name]!;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  if (field.kind === 'secret') return value && words.edits.secret;
  return optionsOf(field, draft)?.find(([each]) => each === value)?.[1] ?? value;
}

/** The draft in words, line by line. */
export const linesOf = <D extends Given>(fields: readonly Field<D>[], draft: D): Line[] => there(fields, draft).map((each) => [each.title, shown(each, draft)]);

export function Fields<D extends Given>({ fields, draft, onChange, tried }: { fields: readonly Field<D>[]; draft: D; onChange: (to: D) => void; tried: boolean }) {
  return <>{there(fields, draft).map((each) => <One key={each.name} field={each} draft={draft} onChange={onChange} tried={tried} />)}</>;
}

function One<D extends Given>({ field, draft, onChange, tried }: { field: Field<D>; draft: D; onChange: (to: D) => void; tried: boolean }) {
  const { name, title, help = '', kind } = field;
  const options = optionsOf(field, draft);
  const id = useId();
  const value = draft[name]!;
  const change = (to: Value) => onChange({ ...draft, [name]: to });
  if (typeof value === 'boolean') return <Tick title={title} help={help} value={value} onChange={change} />;
  const wrong = tried && wrongOf(field, draft);
  if (options) return <Choice title={title} value={value} onChange={change} options={options} wrong={wrong} />;
  if (kind === 'secret') return <Secret id={id} label={title} value={value} onChange={change} help={help} isSecret autoComplete="new-password" {...(wrong && { wrong })} />;
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
export const spanWithin = (least: number, most: number, isWhole = true) => (text: string) => {
  const seconds = readSpan(text) ?? NaN;
  return !(seconds >= least && seconds <= most && (!isWhole || Number.isInteger(seconds))) && wrong.span(least, most);
};
export const sized = (text: string) => readSize(text) === undefined && wrong.size;
export const rated = (text: string) => !readRate(text) && wrong.rate;
/** `pattern` is what the API asks for; `says` in words. */
export const like = (pattern: RegExp, says: string) => (text: string) => !pattern.test(text) && says;
export const some = (text: string) => !readList(text).length && wrong.needed;
export const orNone = (check: (text: string) => string | false) => (text: string) => text.trim() !== '' && check(text);

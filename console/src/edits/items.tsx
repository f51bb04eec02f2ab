// Editors of what is a list of equal things: cards, checks, hooks, windows of a week.
import { Button } from '@patternfly/react-core';
import { useEffect, useId, useRef, useState } from 'react';
import { Asking } from '../parts/state';
import { words } from '../words';
import { Edit } from './edit';
import { useEdition } from './edition';
import type { Source } from './editor';
import { Fields, isSound, linesOf, type Field, type Given } from './form';
import type { Line } from './stale';

/** `fresh`: a new one, if any may be added. `most`: how many there may be. `isOrdered`: their order counts. */
export type ItemsForm<I extends Given> = { fields: readonly Field<I>[]; nameOf: (item: I, at: number) => string; add?: string; fresh?: () => I; most?: number; isOrdered?: boolean };
type Draft<I> = readonly I[];

export const itemsSound = <I extends Given>({ fields }: ItemsForm<I>, items: Draft<I>) => items.every((each) => isSound(fields, each));

/** Each item is a line. */
export const itemLines = <I extends Given>({ fields, nameOf }: ItemsForm<I>, items: Draft<I>): Line[] =>
  items.map((each, at) => [nameOf(each, at), linesOf(fields, each).map(([what, text]) => `${what}: ${text || words.none}`).join('; ')]);

export function Items<I extends Given>({ form, items, onChange, tried }: { form: ItemsForm<I>; items: Draft<I>; onChange: (to: Draft<I>) => void; tried: boolean }) {
  const { fields, nameOf, add, fresh, most = Infinity, isOrdered } = form;
  const id = useId();
  const [said, say] = useState('');
  const moved = useRef<number>(undefined); // where: what was moved keeps the focus
  useEffect(() => {
    if (moved.current === undefined) return;
    (document.getElementById(`${id}-${moved.current}-up`) ?? document.getElementById(`${id}-${moved.current}`))?.focus();
    moved.current = undefined;
  });
  const up = (at: number) => {
    const item = items[at]!;
    moved.current = at - 1;
    onChange(items.toSpliced(at, 1).toSpliced(at - 1, 0, item));
    say(words.edits.plan.movedItem(String(item[fields[0]!.name] || nameOf(item, at)), at, items.length));
  };
  return (
    <>
      {isOrdered && <p role="status" className="pf-v6-screen-reader">{said}</p>}
      {items.map((item, at) => (
        <section key={at} className="item" aria-labelledby={`${id}-${at}`}>
          <h3 className="lesser" id={`${id}-${at}`} tabIndex={isOrdered ? -1 : undefined}>{nameOf(item, at)}</h3>
          <Fields fields={fields} draft={item} onChange={(to) => onChange(items.with(at, to))} tried={tried} />
          <div className="acts">
            {isOrdered && at > 0 && <Button id={`${id}-${at}-up`} variant="link" isInline onClick={() => up(at)}>{words.edits.plan.up(nameOf(item, at))}</Button>}
            {fresh && <Button variant="link" isInline onClick={() => onChange(items.toSpliced(at, 1))}>{words.edits.plan.drop(nameOf(item, at))}</Button>}
          </div>
        </section>
      ))}
      {!items.length && <p className="small">{words.edits.plan.nothing}</p>}
      {fresh && items.length < most && <div className="acts"><Button variant="secondary" onClick={() => onChange([...items, fresh()])}>{add}</Button></div>}
    </>
  );
}

export function PresentItems<T, I extends Given>({ path, of, read, send, title, verb, form, draftOf, steps, onClose }: Source<T> & {
  title: string; verb: string; form: ItemsForm<I>; draftOf: (value: T | undefined) => Draft<I>; steps?: readonly string[]; send: (draft: Draft<I>, tag: string) => Promise<unknown>; onClose: () => void;
}) {
  const found = useEdition(path, of, read);
  return (
    <Asking of={found}>
      {(edition) => (
        <Edit<T, Draft<I>>
          title={title} act={words.edits.save} verb={verb} steps={steps ?? []} found={edition} again={found.refetch} draftOf={draftOf}
          lines={(draft) => itemLines(form, draft)} isSound={(draft) => itemsSound(form, draft)} send={send} onClose={onClose}
        >
          {(draft, change, tried) => <Items form={form} items={draft} onChange={change} tried={tried} />}
        </Edit>
      )}
    </Asking>
  );
}

// Editors of what is a list of fields: something new, or something that is there.
import type { ReactNode } from 'react';
import { Asking } from '../parts/state';
import { words } from '../words';
import { Edit } from './edit';
import { useEdition } from './edition';
import { Fields, isSound, linesOf, type Field, type Given } from './form';

type Common<T, D extends Given> = {
  title: string;
  verb: string;
  fields: readonly Field<D>[];
  draftOf: (value: T | undefined) => D;
  steps?: readonly string[];
  onClose: () => void;
};

/** `send` gets a key by which a repeat changes nothing. */
export function New<T, D extends Given>({ send, act = words.edits.create, fields, ...common }: Common<T, D> & { act?: string; result?: ReactNode; send: (draft: D, key: string) => Promise<unknown> }) {
  return (
    <Edit<T, D> {...common} act={act} lines={(draft) => linesOf(fields, draft)} isSound={(draft) => isSound(fields, draft)} send={(draft, _, key) => send(draft, key)}>
      {(draft, change, tried) => <Fields fields={fields} draft={draft} onChange={change} tried={tried} />}
    </Edit>
  );
}

export type Source<T> = { path: string; of: string; read: () => Promise<{ data?: T; response: Response }> };

/** `send` gets the edition that the draft was made from, and what that has. */
export function Present<T, D extends Given>({ path, of, read, send, fields, ...common }: Common<T, D> & Source<T> & { send: (draft: D, tag: string, from: T) => Promise<unknown> }) {
  const found = useEdition(path, of, read);
  return (
    <Asking of={found}>
      {(edition) => (
        <Edit<T, D> {...common} act={words.edits.save} found={edition} again={found.refetch} lines={(draft) => linesOf(fields, draft)} isSound={(draft) => isSound(fields, draft)} send={(draft, tag, _, from) => send(draft, tag, from)}>
          {(draft, change, tried) => <Fields fields={fields} draft={draft} onChange={change} tried={tried} />}
        </Edit>
      )}
    </Asking>
  );
}

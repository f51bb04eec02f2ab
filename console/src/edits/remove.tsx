// Deletes something, after saying what that means. What another person changed meanwhile is not deleted: it is to be
// looked at again first.
import { Alert } from '@patternfly/react-core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { Dialog } from '../actions/dialog';
import { Asking } from '../parts/state';
import { words } from '../words';
import { isLate } from '../api';
import { readAll, useEdition } from './edition';

export type RemoveProps = {
  /** What it is, in words, as "plan shop". */
  what: string;
  act?: string;
  verb: string;
  steps: readonly string[];
  loses?: string;
  /** Typed before anything is sent. */
  confirm?: string | undefined;
  send: (tag: string) => Promise<unknown>;
  /** The page to go to afterwards. */
  after?: string;
  onClose: () => void;
};

export function Remove({ what, act = words.edits.remove.act, verb, steps, loses, confirm, send, after, onClose, tag = '' }: RemoveProps & { tag?: string }) {
  const [, go] = useLocation();
  const [first] = useState(tag); // the edition that is meant, whatever is read later
  const [isRefused, setRefused] = useState(false);
  const isStale = isRefused || tag !== first;
  const deliver = async () => {
    try {
      await send(first);
    } catch (problem) {
      setRefused(isLate(problem));
      throw problem;
    }
    void readAll();
    if (after) go(after);
  };
  return <Dialog title={`${act} ${what}`} act={act} verb={verb} steps={steps} loses={loses ?? false} confirm={confirm} request={what} send={deliver} onClose={onClose} meanwhile={isStale && <Stale />} isSaid={(problem) => !isLate(problem)} />;
}

const Stale = () => <div role="alert"><Alert isInline variant="warning" component="h2" title={words.edits.stale.title}>{words.actions.anew}</Alert></div>;

/** The same for what has editions. */
export function RemoveEdition<T>({ path, of, read, ...props }: RemoveProps & { path: string; of: string; read: () => Promise<{ data?: T; response: Response }> }) {
  const found = useEdition(path, of, read, true);
  return <Asking of={found}>{({ tag }) => <Remove {...props} tag={tag} />}</Asking>;
}

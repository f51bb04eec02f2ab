// Deletes something, after saying what that means; of what another person changed meanwhile, nothing is deleted.
import { useRef } from 'react';
import { useLocation } from 'wouter';
import { Dialog } from '../actions/dialog';
import { Asking } from '../parts/state';
import { words } from '../words';
import { isLate, readAll, useEdition } from './edition';

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

export function Remove({ what, act = words.edits.remove.act, verb, steps, loses, confirm, send, after, onClose, tag = '', again }: RemoveProps & { tag?: string; again?: () => Promise<unknown> }) {
  const [, go] = useLocation();
  const first = useRef(tag);
  const deliver = async () => {
    try {
      await send(first.current);
    } catch (problem) {
      if (isLate(problem)) await again?.();
      throw problem;
    }
    void readAll();
    if (after) go(after);
  };
  return <Dialog title={`${act} ${what}`} act={act} verb={verb} steps={steps} loses={loses ?? false} confirm={confirm} request={what} send={deliver} onClose={onClose} />;
}

/** The same for what has editions. */
export function RemoveEdition<T>({ path, of, read, ...props }: RemoveProps & { path: string; of: string; read: () => Promise<{ data?: T; response: Response }> }) {
  const found = useEdition(path, of, read, true);
  return <Asking of={found}>{({ tag }) => <Remove {...props} tag={tag} again={found.refetch} />}</Asking>;
}

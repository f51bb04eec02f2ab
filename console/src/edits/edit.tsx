// The frame of every editor: the draft, what another person changed meanwhile, and that nothing is lost by one key.
import { Alert } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { Dialog } from '../actions/dialog';
import { Refused, cache, isLate } from '../api';
import { words } from '../words';
import type { Edition } from './edition';
import { useGuard } from './guard';
import { Stale, type Line } from './stale';

export type EditProps<T, D> = {
  title: string;
  /** What the button says that sends it. */
  act: string;
  /** Who decides whether a second person is needed: the name of the API's route. */
  verb: string;
  /** What is there now; as it is read again, another person's change is seen. Without it something new is made. */
  found?: Edition<T>;
  /** Reads it again. */
  again?: () => Promise<unknown>;
  draftOf: (value: T | undefined) => D;
  /** The draft in words, line by line: by these versions are compared. */
  lines: (draft: D) => readonly Line[];
  isSound: (draft: D) => boolean;
  /** What happens by it, beyond that it is saved. */
  steps?: readonly string[];
  /** Sends it. `tag`: the edition that it was made from; `key`: a repeat with the same one changes nothing; `from`: what
  that edition has, for what no field shows. */
  send: (draft: D, tag: string, key: string, from: T) => Promise<unknown>;
  variant?: 'medium' | 'large';
  /** What came of it, if it is to be seen: `null` until then. */
  result?: ReactNode;
  onClose: () => void;
  children: (draft: D, change: (to: D) => void, tried: boolean) => ReactNode;
};

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

function useDraft<T, D>({ found, draftOf }: Pick<EditProps<T, D>, 'found' | 'draftOf'>) {
  const [base, setBase] = useState(found);
  const [first, setFirst] = useState(() => draftOf(found?.value));
  const [draft, change] = useState(first);
  const keep = () => setBase(found);
  const take = () => {
    const present = draftOf(found?.value);
    setBase(found);
    setFirst(present);
    change(present);
  };
  return { base, draft, change, keep, take, isStale: base?.tag !== found?.tag, isChanged: !same(first, draft) };
}

export function Edit<T, D>(props: EditProps<T, D>) {
  const { title, act, verb, found, again, draftOf, lines, isSound, steps = [], send, variant, result, onClose, children } = props;
  const { base, draft, change, keep, take, isStale, isChanged } = useDraft(props);
  const [asked, setAsked] = useState<D>(); // of which draft was asked whether to drop it: of another one anew
  const [isUnsure, setUnsure] = useState(false); // whether the vault got something of which no answer came
  const isThere = isUnsure && isStale && !!found && same(lines(draftOf(found.value)), lines(draft));
  const deliver = async (key: string) => {
    try {
      await send(draft, base?.tag ?? '', key, base?.value as T);
    } catch (problem) {
      if (!(problem instanceof Refused)) setUnsure(true);
      if (isLate(problem)) await again?.();
      throw problem;
    }
    void cache.invalidateQueries();
  };
  const isUnsent = isChanged && !isThere && !result;
  const asksToLeave = isUnsent && asked === draft;
  const leave = () => (isUnsent && !asksToLeave ? setAsked(draft) : onClose());
  useGuard(isUnsent, leave);
  const stale = isStale && !isThere && base && found && (
    <Stale was={lines(draftOf(base.value))} now={lines(draftOf(found.value))} mine={lines(draft)} take={take} keep={keep} />
  );
  return (
    <Dialog
      title={title} act={act} verb={verb} steps={steps} variant={variant} isSound={isSound(draft)} meanwhile={stale} isOther={!!stale} isSaid={(problem) => !isThere && !isLate(problem)}
      request={JSON.stringify(draft)} result={isThere ? <p>{words.edits.isThere}</p> : result} send={deliver} onClose={onClose} leave={leave} notice={asksToLeave && <Unsent />}
    >
      {(tried) => children(draft, change, tried)}
    </Dialog>
  );
}

const Unsent = () => <div role="alert"><Alert isInline variant="warning" component="h2" title={words.edits.unsent}>{words.edits.unsentDo}</Alert></div>;

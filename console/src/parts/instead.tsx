// What stands in place of a dialog until that is there: its program is fetched when it is first opened, and what it edits
// is read. On a thin link this takes seconds.
import { Backdrop, Button } from '@patternfly/react-core';
import { createContext, use, useEffect, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { words } from '../words';

/** What gives a dialog up that is about to open. Undefined in one that is there, and on pages. */
export const Closes = createContext<(() => void) | undefined>(undefined);

/** What was possible when its dialog was opened, and is not any more: as its button says it. */
export const Gone = createContext<string | undefined>(undefined);

/** Around what waits, or failed: it is seen over the page if a dialog is about to open, else where it stands. */
export function Instead({ children }: { children: ReactNode }) {
  const close = use(Closes);
  useEffect(() => {
    if (!close) return;
    const key = (event: KeyboardEvent) => event.key === 'Escape' && close();
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, [close]);
  if (!close) return children;
  const box = <Backdrop className="instead"><div>{children}<Button variant="link" onClick={close}>{words.actions.back}</Button></div></Backdrop>;
  return createPortal(box, document.body);
}

// The link that lets a person in once: `/console/#link=CODE`. Its code leaves the address bar and the history before
// anything else is done with it: it counts for days, and whoever sits here later finds it there.
import { useSyncExternalStore } from 'react';

const NAMED = /^#link=([^&]+)$/;
let code = takenOut();

function takenOut(): string | undefined {
  const found = NAMED.exec(location.hash)?.[1];
  if (found) history.replaceState(null, '', location.pathname);
  return found;
}

/** A link that is pasted where the console is open already loads no page. */
function listen(tell: () => void) {
  const changed = () => {
    code = takenOut() ?? code;
    tell();
  };
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** The code of the link by which this page was opened. */
export const useLink = () => useSyncExternalStore(listen, () => code);

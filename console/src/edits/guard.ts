// The browser's own ways out of a page: Back, another address, reload. With a draft they ask first.
import { useEffect, useRef } from 'react';

const STAYS = 'stays';

/** From the first change on Back asks as Escape does: it leads to a second entry for the same page, and this one is made
 * again. Reloading and closing the tab ask in the browser's own words. */
export function useGuard(isChanged: boolean, leave: () => void) {
  const present = useRef({ isChanged, leave });
  present.current = { isChanged, leave };
  const hasBegun = useRef(false);
  hasBegun.current ||= isChanged;
  const isOn = hasBegun.current;
  useEffect(() => {
    if (!isOn) return;
    const stay = () => history.pushState(STAYS, '');
    const back = () => {
      stay();
      present.current.leave();
    };
    const unload = (event: BeforeUnloadEvent) => present.current.isChanged && event.preventDefault();
    stay();
    addEventListener('popstate', back);
    addEventListener('beforeunload', unload);
    return () => {
      removeEventListener('popstate', back);
      removeEventListener('beforeunload', unload);
      if (history.state === STAYS) history.back();
    };
  }, [isOn]);
}

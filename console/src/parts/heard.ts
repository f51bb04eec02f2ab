// That the vault is not heard, and how old what stands on the page is.
import { useEffect, useState } from 'react';
import { useLink } from '../live';
import { words } from '../words';
import { span } from '../words/format';

/** In words; undefined while it is heard. */
export function useUnheard(): string | undefined {
  const { isLost, heardAt } = useLink();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isLost) return;
    setNow(Date.now());
    const clock = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(clock);
  }, [isLost]);
  if (!isLost) return undefined;
  const age = heardAt ? words.link.lost(span(Math.round(Math.max(0, now - heardAt) / 1000))) : words.link.never;
  return `${age} ${words.link.again}`;
}

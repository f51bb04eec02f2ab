// What is said above a long form is seen when it appears.
import { useEffect, useRef } from 'react';

export function useShown() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Newer browsers give a promise, which is no clean-up.
    void box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return box;
}

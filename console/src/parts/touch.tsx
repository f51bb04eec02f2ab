// A security key is asked for as long as nobody touches it, or says that it shall not be.
import { Alert, AlertActionLink } from '@patternfly/react-core';
import { useState } from 'react';
import { words } from '../words';

export function useTouch() {
  const [asked, setAsked] = useState<AbortController>();
  /** What comes of it, once the key was touched. */
  const ask = async <T,>(act: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const controller = new AbortController();
    setAsked(controller);
    return act(controller.signal).finally(() => setAsked(undefined));
  };
  const { login } = words;
  const said = asked && <Alert isInline isLiveRegion variant="info" title={login.touch} actionLinks={<AlertActionLink onClick={() => asked.abort()}>{login.untouched}</AlertActionLink>} />;
  return { ask, said };
}

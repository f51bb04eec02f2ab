// One's own password.
import { Alert } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../../api';
import { sessionChanged, type Who } from '../../api/session';
import { Field } from '../../parts/field';
import { words } from '../../words';
import { Sending } from './sending';

type Given = Record<'now' | 'fresh' | 'again', string>;
const NOTHING: Given = { now: '', fresh: '', again: '' };

function lacks(given: Given, needsNow: boolean): Partial<Given> {
  const { need, needNow, differ } = words.account;
  if (needsNow && !given.now) return { now: needNow };
  if (!given.fresh) return { fresh: need };
  return given.fresh === given.again ? {} : { again: differ };
}

export function Password({ who }: { who: Who }) {
  const [given, setGiven] = useState(NOTHING);
  const [wrong, setWrong] = useState<Partial<Given>>({});
  const [isDone, setDone] = useState(false);
  const needsNow = !who.chooses_password;
  const check = () => {
    const missing = lacks(given, needsNow);
    setWrong(missing);
    return Object.keys(missing).length === 0;
  };
  const send = async () => {
    setDone(false);
    await api.PUT('/api/session/password', { body: { password: given.fresh, former_password: needsNow ? given.now : null } });
    setGiven(NOTHING);
    setDone(true);
    await sessionChanged();
  };
  const field = (name: keyof Given, autoComplete: string, help?: string) => (
    <Field
      id={name} label={words.account[name]} value={given[name]} wrong={wrong[name]} help={help} isSecret autoComplete={autoComplete}
      onChange={(to) => setGiven({ ...given, [name]: to })}
    />
  );
  return (
    <Sending label={words.account.change} check={check} send={send}>
      {who.chooses_password && !isDone && <Alert variant="info" isInline title={words.account.choose}>{words.account.chooseDo}</Alert>}
      {isDone && <Alert variant="success" isInline isLiveRegion title={words.account.changed} />}
      <input type="text" hidden readOnly autoComplete="username" value={who.name} />
      {needsNow && field('now', 'current-password')}
      {field('fresh', 'new-password', words.account.freshHelp)}
      {field('again', 'new-password')}
    </Sending>
  );
}

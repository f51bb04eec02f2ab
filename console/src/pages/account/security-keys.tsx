// One's own security keys: a second factor where the vault is reached by a name.
import { Alert, Button } from '@patternfly/react-core';
import { useState } from 'react';
import { api, queries, type Shapes } from '../../api';
import { sessionChanged, type Who } from '../../api/session';
import { knowsKeys, isAtName, made, ownKeySays } from '../../api/security-key';
import { Rows } from '../../parts/facts';
import { Field } from '../../parts/field';
import { Asking, told } from '../../parts/state';
import { useTouch } from '../../parts/touch';
import { words } from '../../words';
import { ago, instant } from '../../words/format';
import { Recovery } from './second-factor';
import { Sending } from './sending';

const MOST = 60;

export function SecurityKeys({ who }: { who: Who }) {
  const [codes, setCodes] = useState<readonly string[]>([]);
  const found = queries.useQuery('get', '/api/session/security-keys');
  const { account } = words;
  if (codes.length) return <Recovery codes={codes} kept={() => setCodes([])} />;
  return (
    <>
      <p>{account.keysSay}</p>
      <Asking of={found}>{(keys) => <Listed keys={keys} again={() => void found.refetch()} />}</Asking>
      {knowsKeys ? <Add needsNow={!who.chooses_password} then={(given) => { setCodes(given); void found.refetch(); }} />
        : <Alert variant="info" isInline title={isAtName ? account.keysUnknown : account.keysAddress(location.hostname)}>{!isAtName && account.keysAddressDo}</Alert>}
    </>
  );
}

function Listed({ keys, again }: { keys: readonly Shapes['SecurityKey'][]; again: () => void }) {
  const [problem, setProblem] = useState<unknown>();
  const touch = useTouch();
  const { account } = words;
  const remove = async (id: string) => {
    setProblem(undefined);
    const key_answer = await touch.ask(ownKeySays);
    await api.POST('/api/session/security-keys/{key}/remove', { params: { path: { key: id } }, body: { key_answer } });
    again();
    await sessionChanged();
  };
  return (
    <>
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {touch.said}
      <Rows name={account.keys} rows={keys} idOf={(row) => row.id} none={account.noKeys} columns={[
        { title: words.access.name, cell: (row) => row.name },
        { title: account.keyHost, cell: (row) => row.host },
        { title: account.added, cell: (row) => instant(row.created_at) },
        { title: words.access.used, cell: (row) => ago(row.last_used_at) },
        { title: account.remove, cell: (row) => <Button variant="link" isInline isDisabled={!knowsKeys} aria-label={account.removeKey(row.name)} onClick={() => void remove(row.id).catch(setProblem)}>{account.remove}</Button> },
      ]} />
    </>
  );
}

function Add({ needsNow, then }: { needsNow: boolean; then: (codes: readonly string[]) => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [wrong, setWrong] = useState<{ name?: string; password?: string }>({});
  const touch = useTouch();
  const { account } = words;
  const check = () => {
    const noName = !name.trim() ? account.needKeyName : name.trim().length > MOST && words.edits.wrong.long(MOST);
    const missing = { ...(noName && { name: noName }), ...(needsNow && !password && { password: account.needNow }) };
    setWrong(missing);
    return Object.keys(missing).length === 0;
  };
  const send = async () => {
    const { data } = await api.POST('/api/session/security-keys/begin', { body: { password: password || null } });
    const added = await api.POST('/api/session/security-keys', { body: { name: name.trim(), answer: await touch.ask((signal) => made(data!.options, signal)) } });
    setName('');
    setPassword('');
    then(added.data!.codes);
    await sessionChanged();
  };
  return (
    <Sending label={account.addKey} check={check} send={send}>
      {touch.said}
      <Field id="key-name" label={account.keyName} value={name} wrong={wrong.name} help={account.keyNameHelp} onChange={setName} />
      {needsNow && <Field id="key-password" label={account.now} value={password} wrong={wrong.password} isSecret autoComplete="current-password" onChange={setPassword} />}
    </Sending>
  );
}

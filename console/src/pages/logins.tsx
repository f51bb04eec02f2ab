// Somebody who is logged in lets a command line in, by the code that it shows.
import { ActionGroup, Alert, Button, Form } from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { api, type Shapes } from '../api';
import { Facts, Part } from '../parts/facts';
import { Field } from '../parts/field';
import { PageFrame } from '../parts/frame';
import { told } from '../parts/state';
import { words } from '../words';
import { instant } from '../words/format';

type Pending = Shapes['PendingLogin'];
const { logins } = words;

export default function Logins() {
  const [found, setFound] = useState<Pending>();
  const [done, setDone] = useState<string>();
  const [problem, setProblem] = useState<unknown>();
  const trying = (act: () => Promise<void>) => {
    setProblem(undefined);
    setDone(undefined);
    act().catch(setProblem);
  };
  const of = (code: string) => ({ params: { path: { code } } });
  const look = (code: string) => trying(async () => setFound((await api.GET('/api/logins/{code}', of(code))).data));
  const end = (said: string) => {
    setFound(undefined);
    setDone(said);
  };
  const approve = (code: string) => trying(async () => {
    await api.POST('/api/logins/{code}/approve', of(code));
    end(logins.approved);
  });
  const refuse = (code: string) => trying(async () => {
    await api.POST('/api/logins/{code}/refuse', of(code));
    end(logins.refused);
  });
  return (
    <PageFrame title={words.pages.logins}>
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {done && <Alert variant="info" isInline isLiveRegion title={done} />}
      {found ? <One of={found} approve={() => approve(found.code)} refuse={() => refuse(found.code)} /> : <Code look={look} />}
    </PageFrame>
  );
}

function Code({ look }: { look: (code: string) => void }) {
  const [code, setCode] = useState('');
  const [wrong, setWrong] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWrong(code.trim() ? undefined : logins.needCode);
    if (code.trim()) look(code.trim());
  };
  return (
    <Form className="form" onSubmit={submit} noValidate>
      <Field id="code" label={logins.code} value={code} wrong={wrong} help={logins.codeHelp} onChange={setCode} />
      <ActionGroup><Button type="submit">{logins.look}</Button></ActionGroup>
    </Form>
  );
}

function One({ of, approve, refuse }: { of: Pending; approve: () => void; refuse: () => void }) {
  return (
    <Part title={of.code}>
      <Facts of={[[logins.program, of.program || words.none], [logins.address, of.address], [logins.asked, instant(of.asked_at)], [logins.until, instant(of.until)]]} />
      <Alert variant="warning" isInline title={logins.warn}>{logins.warnDo}</Alert>
      <div className="acts"><Button onClick={approve}>{logins.approve}</Button><Button variant="secondary" onClick={refuse}>{logins.refuse}</Button></div>
    </Part>
  );
}

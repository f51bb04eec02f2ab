// The log-in: a name with its password and code, an access token, or a link.
import { ActionGroup, Alert, Button, Card, CardBody, CardTitle, Form, Modal, ModalBody, ModalHeader, Tab, Tabs, TabTitleText, Title } from '@patternfly/react-core';
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { Refused, queries } from './api';
import { knowsKeys, withKey } from './api/security-key';
import { enterBy, logIn, logInAgain, useEntered, type LogInBody } from './api/session';
import { finish, goTo, type CameBack } from './entering';
import { Field as One } from './parts/field';
import { Loading, told } from './parts/state';
import { useTouch } from './parts/touch';
import { words } from './words';

type Way = 'name' | 'token';
type Given = Record<'name' | 'password' | 'code' | 'token', string>;
type Field = keyof Given;
const NOTHING: Given = { name: '', password: '', code: '', token: '' };

/** What a field lacks before anything is sent, by field. */
function lacks(way: Way, given: Given): Partial<Record<Field, string>> {
  const { needName, needPassword, needToken } = words.login;
  if (way === 'token') return given.token.trim() ? {} : { token: needToken };
  return { ...(!given.name.trim() && { name: needName }), ...(!given.password && { password: needPassword }) };
}

function asked(way: Way, given: Given): LogInBody {
  if (way === 'token') return { kind: 'browser', token: given.token.trim() };
  return { kind: 'browser', name: given.name.trim(), password: given.password, code: given.code.trim() || null };
}

export function LogIn() {
  return <Door title={words.login.title}><Ways enter={logIn} /></Door>;
}

/** Whose session has ended sees nothing of the vault, and finds all as it was once they are logged in again. */
export function LogInAgain() {
  useEffect(() => {
    document.body.classList.add('is-out');
    addEventListener('keydown', withholdEscape, true);
    const end = keptSeen();
    return () => {
      document.body.classList.remove('is-out');
      removeEventListener('keydown', withholdEscape, true);
      end();
    };
  }, []);
  useEntered();
  return (
    <Modal isOpen variant="small" className="log-in-again" aria-labelledby="log-in-again">
      <ModalHeader title={words.login.ended} labelId="log-in-again" description={words.login.stays} />
      <ModalBody><Ways enter={logInAgain} isAbove /></ModalBody>
    </Modal>
  );
}

/** Each open dialog hears Escape, also those below this, which nobody sees: one that is left is gone. */
function withholdEscape(event: KeyboardEvent) {
  if (event.key === 'Escape') event.stopPropagation();
}

/** A dialog below hides this from screen readers each time that it is drawn: that is undone, until this ends. */
function keptSeen() {
  const watching = new MutationObserver(() => document.querySelector('body > :has(.log-in-again)')?.removeAttribute('aria-hidden'));
  watching.observe(document.body, { childList: true, subtree: true, attributeFilter: ['aria-hidden'] });
  return () => watching.disconnect();
}

/** `isAbove`: what lies below stays, so this tab is not left. */
function Ways({ enter, isAbove = false }: { enter: (body: LogInBody) => Promise<void>; isAbove?: boolean }) {
  const [way, setWay] = useState<Way>('name');
  return (
    <>
      <Tabs activeKey={way} onSelect={(_, key) => setWay(key as Way)} isFilled>
        <Tab eventKey="name" title={<TabTitleText>{words.login.byName}</TabTitleText>}><Fields key="name" way="name" send={enter} /></Tab>
        <Tab eventKey="token" title={<TabTitleText>{words.login.byToken}</TabTitleText>}><Fields key="token" way="token" send={enter} /></Tab>
      </Tabs>
      <Providers isAbove={isAbove} />
    </>
  );
}

/** The providers by way of which one may log in; where none can be asked for, the ways above are there all the same. */
function Providers({ isAbove }: { isAbove: boolean }) {
  const { data } = queries.useQuery('get', '/api/log-in', {}, { retry: false });
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const go = async (name: string) => {
    setBusy(true);
    setProblem(undefined);
    await goTo(name).catch((why: unknown) => {
      setProblem(why);
      setBusy(false);
    });
  };
  if (!data?.providers.length) return null;
  if (isAbove) return <div className="providers"><Button variant="secondary" isBlock component="a" href="/console/" target="_blank" rel="noopener">{words.login.elsewhere(data.providers.map((each) => each.name).join(', '))}</Button></div>;
  return (
    <div className="providers">
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {data.providers.map(({ name }) => (
        <Button key={name} variant="secondary" isBlock isDisabled={isBusy} onClick={() => void go(name)}>{words.login.withProvider(name)}</Button>
      ))}
    </div>
  );
}

let finishing: Promise<void> | undefined;

/** Who came back from a provider is let in at once: that this tab was sent there is shown by its cookie. */
export function LogInByProvider({ cameBack }: { cameBack: CameBack }) {
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    finishing ??= finish(cameBack); // once, however often this is shown: what came back counts once
    finishing.catch(setProblem);
  }, [cameBack]);
  return (
    <Door title={words.login.title}>
      {problem === undefined ? <Loading /> : <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {problem !== undefined && <Button className="again" isBlock onClick={() => location.replace('/console/')}>{words.login.again}</Button>}
    </Door>
  );
}

/** The log-in by a link. It counts once: nobody is let in by looking at the page, and the page after it knows nothing of
 * whoever was logged in here before. */
export function LogInByLink({ link }: { link: string }) {
  const [code, setCode] = useState('');
  const [problem, setProblem] = useState<unknown>();
  const [asksForCode, setAsksForCode] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    await enterBy(link, code.trim()).catch((why: unknown) => {
      setProblem(why);
      setBusy(false);
      if (why instanceof Refused && why.code === 'second-factor-needed') setAsksForCode(true);
    });
  };
  return (
    <Door title={words.login.title}>
      <Form onSubmit={(event) => void enter(event)} noValidate>
        {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
        <p>{words.login.linkSays}</p>
        {asksForCode && <One id="code" label={words.login.code} value={code} autoComplete="one-time-code" onChange={setCode} />}
        <Button type="submit" isBlock isLoading={isBusy} isDisabled={isBusy}>{words.login.enter}</Button>
        <Button isBlock variant="link" component="a" href="/console/">{words.login.otherWay}</Button>
      </Form>
    </Door>
  );
}

function Door({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="login">
      <Card className="login-card">
        <CardTitle><Title headingLevel="h1" size="xl">{title}</Title></CardTitle>
        <CardBody>{children}</CardBody>
      </Card>
    </main>
  );
}

function Fields({ way, send }: { way: Way; send: (body: LogInBody) => Promise<void> }) {
  const [given, setGiven] = useState(NOTHING);
  const [wrong, setWrong] = useState<Partial<Record<Field, string>>>({});
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [asksForFactor, setAsksForFactor] = useState(false);
  const touch = useTouch();
  const act = async (byKey: boolean) => {
    const missing = lacks(way, given);
    setWrong(missing);
    if (Object.keys(missing).length) return;
    setBusy(true);
    const body = asked(way, given);
    await (byKey ? touch.ask((signal) => withKey(body, signal)).then(send) : send(body)).catch((why: unknown) => {
      setProblem(why);
      if (why instanceof Refused && why.code === 'second-factor-needed') setAsksForFactor(true);
    });
    setBusy(false);
  };
  const enter = (event: FormEvent) => {
    event.preventDefault();
    void act(false);
  };
  const field = (name: Field, about: Partial<Parameters<typeof One>[0]>) => (
    <One id={name} label={words.login[name]} value={given[name]} wrong={wrong[name]} onChange={(to) => setGiven({ ...given, [name]: to })} {...about} />
  );
  return (
    <Form className="login-form" onSubmit={enter} noValidate>
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {touch.said}
      {way === 'name' ? (
        <>
          {field('name', { autoComplete: 'username' })}
          {field('password', { isSecret: true, autoComplete: 'current-password' })}
          {field('code', { help: words.login.codeHelp, autoComplete: 'one-time-code' })}
        </>
      ) : (
        field('token', { isSecret: true, help: words.login.tokenHelp, autoComplete: 'off' })
      )}
      <ActionGroup><Button type="submit" isBlock isLoading={isBusy} isDisabled={isBusy}>{words.login.enter}</Button></ActionGroup>
      {way === 'name' && knowsKeys && asksForFactor && <Button variant="secondary" isBlock isDisabled={isBusy} onClick={() => void act(true)}>{words.login.withKey}</Button>}
    </Form>
  );
}

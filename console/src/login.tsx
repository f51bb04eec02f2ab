// The log-in: a name with its password and code, or an access token.
import {
  ActionGroup, Alert, Button, Card, CardBody, CardTitle, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, InputGroup,
  InputGroupItem, Tab, Tabs, TabTitleText, TextInput, Title,
} from '@patternfly/react-core';
import EyeIcon from '@patternfly/react-icons/dist/esm/icons/eye-icon';
import EyeSlashIcon from '@patternfly/react-icons/dist/esm/icons/eye-slash-icon';
import { useState, type FormEvent } from 'react';
import { logIn, type LogInBody } from './api/session';
import { told } from './parts/state';
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
  const [way, setWay] = useState<Way>('name');
  return (
    <main className="login">
      <Card className="login-card">
        <CardTitle><Title headingLevel="h1" size="xl">{words.login.title}</Title></CardTitle>
        <CardBody>
          <Tabs activeKey={way} onSelect={(_, key) => setWay(key as Way)} isFilled>
            <Tab eventKey="name" title={<TabTitleText>{words.login.byName}</TabTitleText>}><Fields key="name" way="name" /></Tab>
            <Tab eventKey="token" title={<TabTitleText>{words.login.byToken}</TabTitleText>}><Fields key="token" way="token" /></Tab>
          </Tabs>
        </CardBody>
      </Card>
    </main>
  );
}

function Fields({ way }: { way: Way }) {
  const [given, setGiven] = useState(NOTHING);
  const [wrong, setWrong] = useState<Partial<Record<Field, string>>>({});
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    const missing = lacks(way, given);
    setWrong(missing);
    if (Object.keys(missing).length) return;
    setBusy(true);
    await logIn(asked(way, given)).catch(setProblem);
    setBusy(false);
  };
  const field = (name: Field, about: Partial<Parameters<typeof One>[0]>) => (
    <One name={name} value={given[name]} wrong={wrong[name]} onChange={(to) => setGiven({ ...given, [name]: to })} {...about} />
  );
  return (
    <Form className="login-form" onSubmit={(event) => void enter(event)} noValidate>
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
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
    </Form>
  );
}

function One({ name, value, wrong, help, isSecret = false, autoComplete = 'off', onChange }: {
  name: Field; value: string; wrong?: string; help?: string; isSecret?: boolean; autoComplete?: string; onChange: (to: string) => void;
}) {
  const [isShown, setShown] = useState(!isSecret);
  const look = isShown ? words.login.hide : words.login.show;
  return (
    <FormGroup label={words.login[name]} fieldId={name}>
      <InputGroup>
        <InputGroupItem isFill>
          <TextInput
            id={name} type={isShown ? 'text' : 'password'} value={value} autoComplete={autoComplete} spellCheck={false}
            validated={wrong ? 'error' : 'default'} aria-describedby={`${name}-help`} onChange={(_, to) => onChange(to)}
          />
        </InputGroupItem>
        {isSecret && (
          <InputGroupItem>
            <Button variant="control" aria-label={look} icon={isShown ? <EyeSlashIcon /> : <EyeIcon />} onClick={() => setShown(!isShown)} />
          </InputGroupItem>
        )}
      </InputGroup>
      <FormHelperText id={`${name}-help`}>
        {(wrong ?? help) && (
          <HelperText><HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong ?? help}</HelperTextItem></HelperText>
        )}
      </FormHelperText>
    </FormGroup>
  );
}

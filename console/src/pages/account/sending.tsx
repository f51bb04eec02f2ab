// A short form: its problem stands above it, and its button waits while it is sent.
import { ActionGroup, Alert, Button, Form } from '@patternfly/react-core';
import { useState, type FormEvent, type ReactNode } from 'react';
import { told } from '../../parts/state';

/** `check`: what is missing, before anything is sent; it is shown by the fields. */
export function Sending({ label, check, send, children, aside }: {
  label: string; check: () => boolean; send: () => Promise<unknown>; children?: ReactNode; aside?: ReactNode;
}) {
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!check()) return;
    setBusy(true);
    setProblem(undefined);
    await send().catch(setProblem);
    setBusy(false);
  };
  return (
    <Form className="form" onSubmit={(event) => void submit(event)} noValidate>
      {problem !== undefined && <Alert variant="danger" isInline title={told(problem).says}>{told(problem).next}</Alert>}
      {children}
      <ActionGroup><Button type="submit" isLoading={isBusy} isDisabled={isBusy}>{label}</Button>{aside}</ActionGroup>
    </Form>
  );
}

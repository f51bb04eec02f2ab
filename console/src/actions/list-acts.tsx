// The acts of the list of machines: on those that the filters leave, and on machines that are not protected yet.
import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { may, useWho } from '../api/session';
import { useMachines, type MachineRow } from '../live';
import { lazy } from '../parts/lazy';
import { Opening } from '../parts/state';
import { words } from '../words';

const Enable = lazy(() => import('./enable'));
const Batch = lazy(() => import('./batch'));

export function ProtectAct() {
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const who = useWho().data!;
  if (!may(who, 'protect')) return null;
  return (
    <>
      <Button variant="secondary" onClick={() => setOpen(true)}>{words.actions.verbs.enable_protection}</Button>
      {isOpen && <Opening onClose={close}><Enable onClose={close} /></Opening>}
    </>
  );
}

export function BatchAct({ rows }: { rows: readonly MachineRow[] }) {
  const [taken, setTaken] = useState<readonly MachineRow[]>();
  const now = useMachines() ?? rows;
  const close = () => setTaken(undefined);
  const who = useWho().data!;
  if (!may(who, 'operate') || (!rows.length && !taken)) return null;
  return (
    <>
      <Button variant="secondary" onClick={() => setTaken(rows)}>{words.actions.batch.open}</Button>
      {taken && <Opening onClose={close}><Batch rows={taken} now={now} onClose={close} /></Opening>}
    </>
  );
}

// The acts on one machine: a button for each that its state and the role allow. Dialogs are loaded when they are opened.
import { Button } from '@patternfly/react-core';
import { useState, type ComponentType } from 'react';
import { may, useWho, type Permission } from '../api/session';
import { lazy } from '../parts/lazy';
import { Opening } from '../parts/state';
import { words } from '../words';
import type { Machine } from './dialog';
import type { Verb } from './start';

export type ActProps = { machine: Machine; verb: Verb; onClose: () => void };
type Act = { permission: Permission; show: ComponentType<ActProps> };

const plain = lazy(() => import('./plain-act'));
const disks = lazy(() => import('./disks'));
const FailBack = lazy(() => import('./failback'));
const acts: Partial<Record<Verb, Act>> = {
  failover: { permission: 'operate', show: lazy(() => import('./failover')) },
  planned_failover: { permission: 'operate', show: lazy(() => import('./planned-failover')) },
  commit: { permission: 'operate', show: plain },
  change_recovery_point: { permission: 'operate', show: lazy(() => import('./change-point')) },
  cancel_failover: { permission: 'operate', show: plain },
  reprotect: { permission: 'operate', show: lazy(() => import('./reprotect')) },
  test_failover: { permission: 'operate', show: lazy(() => import('./drill')) },
  cleanup_test_failover: { permission: 'operate', show: lazy(() => import('./clean-up')) },
  resynchronize: { permission: 'operate', show: plain },
  update_names: { permission: 'operate', show: plain },
  include_disk: { permission: 'protect', show: disks },
  exclude_disk: { permission: 'protect', show: disks },
  move_replica: { permission: 'operate', show: lazy(() => import('./move-replica')) },
  settle: { permission: 'operate', show: lazy(() => import('./settle')) },
  disable_protection: { permission: 'protect', show: plain },
};
const FAIL_BACK = 'fail_back';
const verbs = Object.keys(acts) as Verb[];

export function MachineActs({ machine }: { machine: Machine }) {
  const [open, setOpen] = useState<Verb | typeof FAIL_BACK>();
  const close = () => setOpen(undefined);
  const who = useWho().data!;
  const allowed = verbs.filter((each) => machine.allowed_operations.includes(each));
  const mine = allowed.filter((each) => may(who, acts[each]!.permission));
  const foreign = allowed.filter((each) => !mine.includes(each));
  const verb = open === FAIL_BACK ? 'planned_failover' : open;
  const Shown = open === FAIL_BACK ? FailBack : open && acts[open]!.show;
  const { actions } = words;
  // Where a machine could be protected back, it can also come home in one job. What was opened stays, whatever happens then.
  const failsBack = mine.includes('reprotect') && machine.state === 'committed' && machine.drill.state === 'none' && machine.direction === 'forward';
  return (
    <section aria-label={actions.here} className="acts">
      {mine.map((each) => <Button key={each} variant={each === 'disable_protection' ? 'danger' : 'secondary'} onClick={() => setOpen(each)}>{actions.verbs[each]}</Button>)}
      {failsBack && <Button variant="secondary" onClick={() => setOpen(FAIL_BACK)}>{actions.failback.act}</Button>}
      {!allowed.length && <p>{actions.none}</p>}
      {foreign.length > 0 && <p>{actions.may(foreign.map((each) => actions.verbs[each]).join(', '))}</p>}
      {Shown && <Opening onClose={close}><Shown machine={machine} verb={verb!} onClose={close} /></Opening>}
    </section>
  );
}

// The acts on a recovery plan, which moves its machines group after group.
import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import type { Shapes } from '../api';
import { may, useWho } from '../api/session';
import { lazy } from '../parts/lazy';
import { Opening } from '../parts/state';
import { words } from '../words';

export type Plan = Shapes['Plan'];
export const PLAN_VERBS = ['test_failover', 'cleanup_test_failover', 'failover', 'planned_failover', 'change_recovery_point', 'commit', 'cancel_failover', 'reprotect'] as const;
export type PlanVerb = (typeof PLAN_VERBS)[number];
const PlanRun = lazy(() => import('./plan-run'));

export function PlanActs({ plan }: { plan: Plan }) {
  const [open, setOpen] = useState<PlanVerb>();
  const close = () => setOpen(undefined);
  const who = useWho().data!;
  const { actions } = words;
  if (!may(who, 'operate')) return <p>{actions.may(PLAN_VERBS.map((each) => actions.verbs[each]).join(', '))}</p>;
  return (
    <section aria-label={actions.here} className="acts">
      {PLAN_VERBS.map((each) => <Button key={each} variant="secondary" onClick={() => setOpen(each)}>{actions.verbs[each]}</Button>)}
      {open && <Opening onClose={close}><PlanRun name={plan.name} verb={open} onClose={close} /></Opening>}
    </section>
  );
}

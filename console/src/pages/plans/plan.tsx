// One recovery plan: its groups in order, what is done before and after each, and what a run would take now.
import { Alert, Breadcrumb, BreadcrumbItem, Label, LabelGroup } from '@patternfly/react-core';
import { Suspense } from 'react';
import { Link, useParams } from 'wouter';
import { PlanActs } from '../../actions/plan-acts';
import { WHILE_SHOWN, queries, type Shapes } from '../../api';
import { useMachines } from '../../live';
import { EditActs } from '../../edits/edit-acts';
import { PlanEdits } from '../../edits/plan/acts';
import { Facts, Part } from '../../parts/facts';
import { PageFrame, To, machinePath } from '../../parts/frame';
import { lazy } from '../../parts/lazy';
import { Asking, Loading } from '../../parts/state';
import { words } from '../../words';
import { instant, plain, span } from '../../words/format';
import { Preview } from './preview';

type Plan = Shapes['Plan'];
const KeepOpen = lazy(() => import('../../edits/plan/keep-open'));
const People = lazy(() => import('../../ways/passes'));

export default function OnePlan() {
  const { id = '' } = useParams();
  const found = queries.useQuery('get', '/api/plans/{plan}', { params: { path: { plan: id } } }, { refetchInterval: ({ state }) => (state.data?.commit_after_held_seconds ? WHILE_SHOWN.refetchInterval : false) }); // each look at its checks changes it, and no event says so
  return (
    <PageFrame title={id} above={<Above />}>
      <Asking of={found}>
        {(plan) => (
          <div className="parts">
            <PlanActs plan={plan} />
            <PlanEdits name={plan.name} />
            {plan.obstacles.map((each) => <Alert key={each} isInline variant="warning" title={each} component="h2" />)}
            <Held name={plan.name} of={plan.held_checks} />
            <Part title={words.plans.about}>
              <Facts of={[[words.plans.goal, plan.rto_goal_seconds ? span(plan.rto_goal_seconds) : null], [words.plans.held, plan.commit_after_held_seconds ? words.plans.heldFor(span(plan.commit_after_held_seconds)) : null], [words.plans.created, instant(plan.created_at)], [words.plans.changed, instant(plan.changed_at)]]} />
            </Part>
            <Part title={words.plans.preview}><Preview of={plan} /></Part>
            <Drilled of={plan} />
            {plan.groups.map((each, at) => <Part key={at} title={words.plans.group(at + 1)}><Group of={each} /></Part>)}
          </div>
        )}
      </Asking>
    </PageFrame>
  );
}

/** What becomes of its commit by itself, after a failover. */
function Held({ name, of }: { name: string; of: Plan['held_checks'] }) {
  if (!of || of.job_id) return null;
  const { plans } = words;
  const said = of.kept_open_by ? plans.keptOpen(of.kept_open_by) : of.since && of.commits_not_before ? plans.commits(name, instant(of.since), instant(of.commits_not_before)) : of.problem && plans.commitsNot(of.problem);
  if (!said) return null;
  return (
    <Alert isInline variant={of.commits_not_before ? 'warning' : 'info'} title={said} component="h2">
      {!of.kept_open_by && <EditActs isSmall isQuiet acts={[{ label: plans.keepOpen, permission: 'operate', show: (close) => <KeepOpen name={name} onClose={close} /> }]} />}
    </Alert>
  );
}

/** The machines of the plan that have an open drill, and who may come into them. */
function Drilled({ of: plan }: { of: Plan }) {
  const rows = useMachines() ?? [];
  const mine = new Set(plan.groups.flatMap((each) => each.machines.map(({ id }) => id)));
  const open = rows.filter((each) => mine.has(each.id) && each.drill_state === 'running');
  return open.map((each) => <Suspense key={each.id} fallback={<Loading />}><People machine={each} title={words.ways.of(each.name)} /></Suspense>);
}

const Above = () => (
  <Breadcrumb><BreadcrumbItem render={({ className }) => <Link href="/plans" className={className}>{words.pages.plans}</Link>} /></Breadcrumb>
);

function Group({ of: group }: { of: Plan['groups'][number] }) {
  return (
    <>
      <Actions of={group.before} title={words.plans.before} />
      <h3 className="lesser">{words.plans.machines}</h3>
      <LabelGroup numLabels={50} aria-label={words.plans.machines}>
        {group.machines.map((each) => <Label key={each.id} variant="outline"><To path={machinePath(each.id)}>{each.name}</To>&nbsp;{each.state ? plain(each.state) : words.plans.ended}</Label>)}
      </LabelGroup>
      <Actions of={group.after} title={words.plans.after} />
    </>
  );
}

function Actions({ of: actions, title }: { of: readonly Shapes['PlanAction-Output'][]; title: string }) {
  if (!actions.length) return null;
  return (
    <>
      <h3 className="lesser">{title}</h3>
      <ol className="steps">
        {actions.map((each) => (
          <li key={each.name}>
            <strong>{each.name}</strong> <span className="small">{each.kinds.map(plain).join(', ')}; {each.directions.map(plain).join(', ')}</span>
            <p>{each.script ? words.plans.script(each.script, each.guest ?? '', span(each.timeout_seconds)) : each.instruction}</p>
          </li>
        ))}
      </ol>
    </>
  );
}

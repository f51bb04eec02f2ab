// One job, live: its steps with what each did, and the jobs that it started, which open to steps of their own.
import { Alert, Breadcrumb, BreadcrumbItem, Button, ExpandableSection, Progress } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { Answer, JobActs } from '../../actions/job-acts';
import { api, queries, type Shapes } from '../../api';
import { useNow, type JobState } from '../../live';
import { Facts, Part } from '../../parts/facts';
import { PageFrame, To, jobPath, machinePath } from '../../parts/frame';
import { StateLabel } from '../../parts/labels';
import { Problem } from '../../parts/problem';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain, span } from '../../words/format';

type Job = Shapes['Job'];
type Task = Shapes['Task'];
const CHILDREN = 100;
const FIRST: readonly JobState[] = ['failed', 'partially_succeeded', 'held', 'waiting'];
const LATER: readonly JobState[] = ['cancelling', 'running', 'queued', 'cancelled', 'succeeded'];
const isPictured = (job: Job) => job.tasks.some((each) => each.facts.evidence?.picture === 'kept');

const PLAN = 'plan/';
const pathOf = (subject: string) => (subject.startsWith(PLAN) ? `/plans/${encodeURIComponent(subject.slice(PLAN.length))}` : machinePath(subject));
const useJob = (id: string) => queries.useQuery('get', '/api/jobs/{job}', { params: { path: { job: id } } });

export default function OneJob() {
  const { id = '' } = useParams();
  const found = useJob(id);
  const title = found.data ? [plain(found.data.verb), found.data.subject_name].filter(Boolean).join(' ') : words.jobs.title;
  return (
    <PageFrame title={title} above={<Above />} aside={found.data && <StateLabel of={found.data.state} />}>
      <Asking of={found}>
        {(job) => (
          <div className="parts">
            <JobActs job={job} />
            <Part title={words.jobs.about}><About of={job} /></Part>
            <Part title={words.jobs.steps}><Tree of={job} /></Part>
            {isPictured(job) && <Picture of={job} />}
          </div>
        )}
      </Asking>
    </PageFrame>
  );
}

const Above = () => (
  <Breadcrumb><BreadcrumbItem render={({ className }) => <Link href="/jobs" className={className}>{words.pages.jobs}</Link>} /></Breadcrumb>
);

/** How long it took; of what has not ended, how long it has been going on. */
function Took({ from, to }: { from: string; to: string | null | undefined }) {
  return to ? <>{span((Date.parse(to) - Date.parse(from)) / 1000)}</> : <Going from={from} />;
}

function Going({ from }: { from: string }) {
  return <>{span(Math.max(0, Math.floor(useNow() - Date.parse(from) / 1000)))}</>;
}

function About({ of: job }: { of: Job }) {
  return (
    <>
      <p className="sentence" role="status">{job.sentence !== job.problem?.message && job.sentence}</p>
      {job.problem && <Problem of={job.problem} />}
      <Facts
        of={[
          [words.jobs.of, job.subject ? <To path={pathOf(job.subject)}>{job.subject_name ?? job.subject}</To> : job.subject_name],
          [words.jobs.by, job.requested_by],
          [words.jobs.when, instant(job.created_at)],
          [words.jobs.took, job.started_at && <Took from={job.started_at} to={job.ended_at} />],
          [words.jobs.predicted, job.timing?.predicted_seconds != null && span(job.timing.predicted_seconds)],
          [words.jobs.downtime, job.timing?.downtime_seconds != null && span(job.timing.downtime_seconds)],
          [words.jobs.parent, job.parent_id && <To path={jobPath(job.parent_id)}>{job.parent_id.slice(0, 8)}</To>],
          [words.jobs.cancelable, job.ended_at ? null : job.cancelable ? words.yes : words.no],
          [words.jobs.id, job.id],
        ]}
      />
    </>
  );
}

function Tree({ of: job }: { of: Job }) {
  return (
    <>
      {job.tasks.length > 0 && <ol className="steps">{job.tasks.map((each) => <Step key={each.position} of={each} job={job.id} />)}</ol>}
      {job.children.length > 0 && <Children of={job} />}
    </>
  );
}

function Step({ of: task, job }: { of: Task; job: string }) {
  return (
    <li>
      <div className="step"><StateLabel of={task.state} /><strong>{task.name}</strong>{task.started_at && <span className="small figure"><Took from={task.started_at} to={task.ended_at} /></span>}</div>
      {task.sentence && task.sentence !== task.problem?.message && <p>{task.sentence}</p>}
      {task.state === 'running' && !!task.progress && <Progress value={Math.floor(100 * task.progress)} aria-label={task.name} size="sm" />}
      {task.problem && <Problem of={task.problem} isPlain />}
      {task.asks && <Alert isInline variant="warning" title={task.asks.instruction} component="h4">{words.jobs.asks(task.asks.verdicts.join(', '), task.asks.until ? instant(task.asks.until) : words.none)}</Alert>}
      <Answer job={job} task={task} />
      {task.answer && <p>{words.jobs.answered(task.answer.by, task.answer.verdict, task.answer.note)}</p>}
    </li>
  );
}

/** Of thousands those come first that somebody has to look at. */
function Children({ of: job }: { of: Job }) {
  const counts = Object.entries(job.children_by_state).map(([state, many]) => `${many} ${plain(state)}`).join(', ');
  return (
    <>
      <h3 className="lesser">{words.jobs.children}{counts && `: ${counts}`}</h3>
      {[FIRST, LATER].filter((states) => states.some((each) => job.children_by_state[each])).map((states) => <ChildrenIn key={states[0]} of={job} states={states} />)}
    </>
  );
}

function ChildrenIn({ of: job, states }: { of: Job; states: readonly JobState[] }) {
  const found = useInfiniteQuery({
    queryKey: ['get', '/api/jobs', 'children', job.id, states],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/jobs', { params: { query: { parent: job.id, state: [...states], limit: CHILDREN, cursor } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  return (
    <Asking of={found}>
      {({ pages }) => (
        <>
          {found.hasNextPage && <Button variant="link" isLoading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{words.jobs.earlier}</Button>}
          <ul className="children">{pages.flatMap((each) => each.items).reverse().map((each) => <Child key={each.id} of={each} />)}</ul>
        </>
      )}
    </Asking>
  );
}

function Child({ of: job }: { of: Job }) {
  const [isOpen, setOpen] = useState(job.state === 'failed');
  const title = <span className="step"><StateLabel of={job.state} /> {plain(job.verb)} {job.subject_name} <span className="small">{job.sentence}</span></span>;
  return (
    <li><ExpandableSection toggleContent={title} isExpanded={isOpen} onToggle={(_, to) => setOpen(to)} isIndented>{isOpen && <Inside id={job.id} />}</ExpandableSection></li>
  );
}

function Inside({ id }: { id: string }) {
  const found = useJob(id);
  return <Asking of={found}>{(job) => <><Tree of={job} /><p><To path={jobPath(id)}>{words.jobs.open}</To></p></>}</Asking>;
}

/** The screen of the machine as it was after the start. */
function Picture({ of: job }: { of: Job }) {
  return <Part title={words.jobs.screen}><img className="screen" src={`/api/jobs/${job.id}/picture`} alt={words.jobs.screenOf(job.subject_name ?? '')} /></Part>;
}

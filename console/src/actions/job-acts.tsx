// The acts on a job: cancel, retry, let go on; and the answer that one of its tasks waits for.
import { Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { api, cache, type Shapes } from '../api';
import { may, useWho } from '../api/session';
import { words } from '../words';
import { instant, plain } from '../words/format';
import { Meanwhile, useMoved } from './about';
import { Dialog } from './dialog';
import { Choice, Notes, isLong } from './fields';

type Job = Shapes['Job'];
type Task = Shapes['Task'];
type Act = 'cancel' | 'retry' | 'resume';

/** Which acts the state of a job allows. */
function allowed(job: Job): readonly Act[] {
  if (job.state === 'held') return ['resume', 'cancel'];
  if (job.state === 'failed' || job.state === 'partially_succeeded') return job.parent_id ? [] : ['retry'];
  return job.cancelable && !job.ended_at && job.state !== 'cancelling' ? ['cancel'] : [];
}

/** One more after each retry: it is the same job, and another run of it. */
const attempt = (job: Job) => Math.max(1, ...(job.tasks ?? []).map((each) => each.attempt));

export function JobActs({ job }: { job: Job }) {
  const [open, setOpen] = useState<{ act: Act; was: Job }>();
  const who = useWho().data!;
  const mine = may(who, 'operate') ? allowed(job) : [];
  if (!mine.length && !open) return null;
  return (
    <section aria-label={words.actions.here} className="acts">
      {mine.map((act) => <Button key={act} variant="secondary" onClick={() => setOpen({ act, was: job })}>{words.actions.job[act]}</Button>)}
      {open && <JobAct job={job} {...open} onClose={() => setOpen(undefined)} />}
    </section>
  );
}

const stand = (job: Job) => words.actions.job.stand(plain(job.state), attempt(job));
const SAYS = { cancel: 'willCancel', retry: 'willRetry', resume: 'willResume' } as const;

function JobAct({ job, act, was, onClose }: { job: Job; act: Act; was: Job; onClose: () => void }) {
  const { actions } = words;
  const isPossible = allowed(job).includes(act);
  const isMoved = useMoved(`${isPossible} ${attempt(job)}`);
  const name = actions.job[act];
  const send = async (key: string) => {
    await api.POST(`/api/jobs/{job}/${act}`, { params: { path: { job: job.id }, header: { 'idempotency-key': key } } });
    await cache.invalidateQueries();
  };
  return (
    <Dialog
      title={actions.title(name, [plain(job.verb), job.subject_name].filter(Boolean).join(' '))} act={name} verb={`${act}-job`} steps={actions.job[SAYS[act]]}
      meanwhile={isMoved && <Meanwhile act={isPossible ? undefined : name} was={stand(was)} now={stand(job)}>{isPossible ? actions.anew : job.sentence}</Meanwhile>} isOther={isMoved && isPossible}
      request={act} send={send} onClose={onClose}
    />
  );
}

/** What a task asks, and the answer. */
export function Answer({ job, task }: { job: string; task: Task }) {
  const [asked, setAsked] = useState<Task>();
  const who = useWho().data!;
  return (
    <>
      {task.asks && may(who, 'operate') && <Button variant="secondary" onClick={() => setAsked(task)}>{words.actions.job.answer}</Button>}
      {asked && <AnswerDialog job={job} asked={asked} task={task} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function AnswerDialog({ job, asked, task, onClose }: { job: string; asked: Task; task: Task; onClose: () => void }) {
  const [verdict, setVerdict] = useState('');
  const [note, setNote] = useState('');
  const { actions } = words;
  const isMoved = useMoved(`${!!task.asks} ${task.attempt}`);
  const body = { task: asked.position, verdict, note };
  const send = async (key: string) => {
    await api.POST('/api/jobs/{job}/answer', { params: { path: { job }, header: { 'idempotency-key': key } }, body });
    await cache.invalidateQueries();
  };
  return (
    <Dialog
      title={actions.job.task(asked.name)} act={actions.job.answer} verb="answer-job" steps={[asked.asks?.instruction ?? '', actions.job.willAnswer]}
      isSound={!!verdict && !isLong(note)} isOther={isMoved && !!task.asks}
      meanwhile={isMoved && <Meanwhile act={task.asks ? undefined : actions.job.answer} was={plain(asked.state)} now={plain(task.state)}>{task.asks ? actions.anew : answered(task)}</Meanwhile>}
      request={JSON.stringify(body)} send={send} onClose={onClose}
    >
      {(tried) => (
        <>
          <Choice title={actions.job.choose} value={verdict} onChange={setVerdict} wrong={tried && !verdict && actions.job.need} options={[['', words.none], ...(asked.asks?.verdicts ?? []).map((each) => [each, plain(each)] as const)]} />
          <Notes title={actions.job.note} value={note} onChange={setNote} help={actions.job.noteHelp} wrong={isLong(note)} />
        </>
      )}
    </Dialog>
  );
}

function answered(task: Task): ReactNode {
  if (!task.answer) return words.actions.job.gone;
  return `${words.jobs.answered(task.answer.by, task.answer.verdict, task.answer.note)}, ${instant(task.answer.at)}`;
}

// What is said before a machine is moved: the way, how long it takes, what both sites say; and what changed meanwhile.
import { Alert, AlertActionLink } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { WHILE_SHOWN, queries, type Shapes } from '../api';
import { Facts } from '../parts/facts';
import { To, jobPath } from '../parts/frame';
import { told } from '../parts/state';
import { words } from '../words';
import { plain, span } from '../words/format';
import type { DialogProps, Machine } from './dialog';
import type { Verb } from './start';

const byId = (machine: Machine) => ({ params: { path: { machine: machine.id } } });

type Meant = Pick<Machine, 'source_site' | 'target_site' | 'generation' | 'drill_generation'>;

/** What a verb does with a machine, as one value: once it is another one, so is the act. Of drills only their end is asked. */
export const aim = (verb: Verb, { source_site, target_site, generation, drill_generation }: Meant) =>
  [source_site, target_site, generation, verb === 'cleanup_test_failover' && drill_generation].join(' ');

/** The machine as it was read, and why its verb is not possible any more, if so. One that was moved meanwhile would go
another way than what was read: then the dialog sends nothing until somebody has read what is there now. */
export function useMeanwhile(machine: Machine, verb: Verb): Pick<DialogProps, 'meanwhile' | 'isOther' | 'reads'> {
  const [opened, setOpened] = useState(machine);
  const { moved, anew } = useMovedOf(new Map([['', aim(verb, machine)]]));
  const isMoved = moved.size > 0;
  const isAllowed = machine.allowed_operations.includes(verb);
  if (!isMoved && isAllowed) return { reads: [opened] };
  const goOn = () => {
    setOpened(machine);
    anew();
  };
  const refused = machine.refused_operations.find((each) => each.operation === verb);
  const meanwhile = (
    <Meanwhile act={refused && words.actions.verbs[verb]} was={stand(opened)} now={isMoved ? words.actions.batch.moved(stand(machine)) : stand(machine)} job={machine.job_id} goOn={isAllowed ? goOn : undefined}>
      {refused ? `${refused.why} ${refused.do}` : words.actions.isAnew}
    </Meanwhile>
  );
  return { meanwhile, isOther: isAllowed, reads: [opened] };
}

/** Whether what is said here was ever another thing since this was opened. */
export const useMoved = (said: string) => useMovedOf(new Map([['', said]])).moved.has('');

/** Which of several had ever another way since they were read, by id. One that is new has none yet. `anew`: they were
read again. */
export function useMovedOf(ways: ReadonlyMap<string, string>) {
  const [read, setRead] = useState(ways);
  const [moved, setMoved] = useState<ReadonlySet<string>>(new Set());
  const more = [...ways].filter(([id, now]) => !moved.has(id) && read.has(id) && read.get(id) !== now).map(([id]) => id);
  if (more.length) setMoved(new Set([...moved, ...more]));
  const anew = () => {
    setRead(ways);
    setMoved(new Set());
  };
  return { moved, anew };
}

/** What was, and what is now. `act`: what is not possible any more by that. `goOn`: takes what is there now as read. */
export function Meanwhile({ act, was, now, job, goOn, children }: { act?: string | undefined; was: string; now: string; job?: string | null; goOn?: (() => void) | undefined; children?: ReactNode }) {
  const { actions } = words;
  return (
    <div role="alert">
      <Alert isInline variant="warning" component="h2" title={act ? actions.meanwhile(act) : actions.changed} actionLinks={goOn && <AlertActionLink onClick={goOn}>{actions.goOn}</AlertActionLink>}>
        <Facts of={[[actions.was, was], [actions.now, now], [words.machine.facts.job, job && <To path={jobPath(job)}>{words.machine.toJob}</To>]]} />
        <p>{children}</p>
      </Alert>
    </div>
  );
}

const stand = ({ state, active_site, drill }: Machine) => [plain(state), active_site, drill.state !== 'none' && words.machine.drill(plain(drill.state))].filter(Boolean).join(', ');

/** Where it goes, and how long that takes by former runs. */
export function Way({ machine, verb }: { machine: Machine; verb: 'failover' | 'planned_failover' | 'test_failover' }) {
  const { data } = queries.useQuery('get', '/api/machines/{machine}/prediction', { params: { path: { machine: machine.id }, query: { verb } } }, WHILE_SHOWN);
  const { actions } = words;
  const until = data && (data.seconds == null ? actions.unknown : actions.predictedOf(span(data.seconds), span(data.least_seconds), span(data.most_seconds), data.runs));
  return (
    <Facts of={[
      [actions.goes, actions.way(machine.source_site, machine.target_site ?? words.none, machine.direction === 'reverse')],
      [actions.power, machine.power && plain(machine.power)],
      [actions.predicted, until],
      [actions.down, data?.downtime_seconds != null && span(data.downtime_seconds)],
      [actions.hooks, data?.hooks?.join(', ')],
    ]} />
  );
}

/** What both sites say to a failover now. */
export function Preflight({ machine }: { machine: Machine }) {
  const { data, error } = queries.useQuery('get', '/api/machines/{machine}/preflight', byId(machine), WHILE_SHOWN);
  if (error) return <Silent of={error} />;
  return <Obstacles of={data?.obstacles} />;
}

/** Why what both sites say is not known. */
export function Silent({ of: problem }: { of: unknown }) {
  return <Alert isInline variant="warning" component="h3" title={told(problem).says}>{told(problem).next}</Alert>;
}

export function Obstacles({ of: obstacles }: { of: readonly Shapes['PreflightObstacle'][] | undefined }) {
  const { actions } = words;
  if (!obstacles) return <p role="status">{actions.asking}</p>;
  if (!obstacles.length) return <Alert isInline isPlain variant="success" component="h3" title={actions.clear} />;
  return <>{obstacles.map((each) => <Alert key={each.site + each.what} isInline variant={each.blocking ? 'danger' : 'warning'} component="h3" title={`${each.site}: ${each.what}`}>{each.do}</Alert>)}</>;
}

// What an operator has to know first: what needs somebody now, how fresh everything is, how well it is prepared.
import { Gallery, Progress } from '@patternfly/react-core';
import { Link } from 'wouter';
import { queries, type Shapes } from '../api';
import { vaultNow } from '../api/clock';
import { Facts, Part, Rows } from '../parts/facts';
import { Findings } from '../parts/findings';
import { PageFrame, To, jobPath, machinePath } from '../parts/frame';
import { HealthLabel, StateLabel } from '../parts/labels';
import { SiteMap } from '../parts/site-map';
import { Asking, Empty } from '../parts/state';
import { words } from '../words';
import { ago, bytes, plain, span } from '../words/format';

type Overview = Shapes['Overview'];
type Job = Shapes['JobsOverview']['newest'][number];
const EVERY_MS = 5_000;
const FULL_SOON_MS = 14 * 86_400_000;

export default function OverviewPage() {
  const found = queries.useQuery('get', '/api/overview', {}, { refetchInterval: EVERY_MS });
  return <PageFrame title={words.pages.overview}><Asking of={found}>{(overview) => <All of={overview as Overview} />}</Asking></PageFrame>;
}

function All({ of: overview }: { of: Overview }) {
  return (
    <>
      {overview.machines ? <Figures of={overview} /> : <Empty says={words.machines.none}>{words.machines.noneDo}</Empty>}
      <div className="parts two">
        <Part title={words.overview.needs}><Needs of={overview} /></Part>
        <Part title={words.overview.jobs}><Going jobs={overview.jobs.newest} /></Part>
        <Part title={words.overview.ready}><Ready of={overview.readiness} /></Part>
        <Part title={words.overview.rpo}><Freshness of={overview.rpo} /></Part>
        <Part title={words.overview.stores}><Stores of={overview.stores} /></Part>
        <Part title={words.overview.sites}><SiteMap sites={overview.sites} edges={overview.edges} /></Part>
      </div>
    </>
  );
}

function Figures({ of: { machines, by_health: health, rpo, jobs } }: { of: Overview }) {
  const { figures } = words.overview;
  const worst = rpo.worst[0];
  return (
    <Gallery hasGutter minWidths={{ default: '9rem' }} className="figures">
      <Figure of={machines} says={figures.machines} to="/machines" />
      <Figure of={health['critical'] ?? 0} says={figures.critical} to="/machines?health=critical" isBad />
      <Figure of={health['warning'] ?? 0} says={figures.warning} to="/machines?health=warning" isBad />
      <Figure of={rpo.beyond_goal} says={figures.late} to="/machines?finding=rpo-exceeded" isBad />
      <Figure of={worst ? span(Math.floor(worst.seconds)) : words.none} says={figures.worst(worst?.name ?? words.none)} to={worst ? machinePath(worst.id) : '/machines'} />
      <Figure of={jobs.at_work} says={figures.jobs} to="/jobs" />
    </Gallery>
  );
}

function Figure({ of, says, to, isBad = false }: { of: number | string; says: string; to: string; isBad?: boolean }) {
  return <Link href={to} className={`figure-card${isBad && of !== 0 ? ' bad' : ''}`}><strong>{of}</strong><span>{says}</span></Link>;
}

/** Whatever waits for a person: questions of jobs, requests, the vault's own findings, and those of machines, by kind. */
function Needs({ of: { jobs, approvals, away, vault_findings: own, needs } }: { of: Overview }) {
  if (![jobs.waiting, approvals, away, own, needs].some((each) => each.length)) return <p>{words.overview.nothing}</p>;
  return (
    <>
      <Findings of={own} />
      <ul className="needs">
        {jobs.waiting.map((each) => <li key={each[0]}><StateLabel of={each[4]} /> <To path={jobPath(each[0])}>{plain(each[1])} {each[3]}</To> {each[6]}</li>)}
        {approvals.map((each) => <li key={each.number}><HealthLabel of="warning" /> <To path="/access">{words.overview.approval(each.number, plain(each.verb), each.who)}</To></li>)}
        {away.map((each) => <li key={each}><HealthLabel of="critical" /> <To path="/sites">{words.overview.away(each)}</To></li>)}
        {needs.map((each) => <li key={each.code}><Need of={each} /></li>)}
      </ul>
    </>
  );
}

function Need({ of: { code, severity, count, machines, example } }: { of: Shapes['Need'] }) {
  return (
    <>
      <HealthLabel of={severity} /> {machines.map((each, at) => <span key={each.id}>{at > 0 && ', '}<To path={machinePath(each.id)}>{each.name}</To></span>)}
      {count > machines.length && <> <To path={`/machines?finding=${code}`}>{words.overview.more(count - machines.length)}</To></>}: {example.what}
      <div className="small"><strong>{words.next}:</strong> {example.do}</div>
    </>
  );
}

function Going({ jobs }: { jobs: readonly Job[] }) {
  if (!jobs.length) return <p>{words.overview.noJobs}</p>;
  return (
    <ul className="needs">
      {jobs.map(([id, verb, , name, , percent, sentence]) => (
        <li key={id}>
          <To path={jobPath(id)}>{plain(verb)} {name}</To>
          <Progress value={percent ?? 0} size="sm" aria-label={`${plain(verb)} ${name ?? ''}`} />
          <span className="small">{sentence}</span>
        </li>
      ))}
    </ul>
  );
}

function Ready({ of: ready }: { of: Shapes['Readiness'] }) {
  const { readiness: say } = words.overview;
  const linked = (count: number, finding: string) => (count ? <To path={`/machines?finding=${finding}`}>{say.machines(count)}</To> : say.machines(0));
  return (
    <Facts of={[
      [say.never, linked(ready.never_drilled, 'never-drilled')],
      [say.old, linked(ready.drilled_long_ago, 'drill-is-old')],
      [say.failed, linked(ready.drill_failed, 'drill-failed')],
      [say.drifted, linked(ready.drifted, 'drifted')],
      [say.last, ago(ready.last_good_drill_at)],
      [say.oldest, ago(ready.oldest_good_drill_at)],
      [say.rto, ready.rto_goals ? say.goals(ready.rto_met, ready.rto_missed, ready.rto_unknown) : say.noGoals],
    ]} />
  );
}

function Freshness({ of: rpo }: { of: Shapes['RpoOverview'] }) {
  const { freshness: say } = words.overview;
  return (
    <>
      <p>{say.sum(rpo.within_goal, rpo.replicating, rpo.unknown)}</p>
      <Rows name={words.overview.rpo} rows={rpo.worst} idOf={(row) => row.id} none={say.none} columns={[
        { title: words.machines.name, cell: (row) => <To path={machinePath(row.id)}>{row.name}</To> },
        { title: words.machines.rpo, cell: (row) => (row.goal_seconds != null && row.seconds > row.goal_seconds ? <strong className="late">{span(Math.floor(row.seconds))}</strong> : span(Math.floor(row.seconds))) },
        { title: words.machine.goal, cell: (row) => span(row.goal_seconds) },
      ]} />
    </>
  );
}

function Stores({ of: stores }: { of: readonly Shapes['StoreForecast'][] }) {
  return (
    <Rows name={words.overview.stores} rows={stores} idOf={(row) => row.site + row.appliance + row.store} columns={[
      { title: words.sites.store, cell: (row) => <>{row.store} <span className="small">{row.site}, {row.appliance}</span></> },
      { title: words.sites.free, cell: (row) => row.problem ?? <Space of={row} /> },
      { title: words.overview.full, cell: (row) => <Full at={row.full_at} /> },
    ]} />
  );
}

function Full({ at }: { at: string | null | undefined }) {
  if (at == null) return <>{words.overview.notFull}</>;
  const left = Date.parse(at) - vaultNow();
  const says = words.overview.fullIn(span(Math.max(0, Math.floor(left / 1000))));
  return left < FULL_SOON_MS ? <strong className="late">{says}</strong> : <>{says}</>;
}

function Space({ of: { free_bytes: free, size_bytes: size, store, appliance } }: { of: Shapes['StoreForecast'] }) {
  if (free == null || !size) return <>{words.none}</>;
  const used = Math.round((100 * (size - free)) / size);
  return <Progress value={used} size="sm" title={words.sites.freeOf(bytes(free), bytes(size))} aria-label={`${appliance} ${store}`} variant={used > 90 ? 'danger' : used > 80 ? 'warning' : undefined} />;
}

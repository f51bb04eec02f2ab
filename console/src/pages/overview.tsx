// What an operator has to know first: what needs somebody now, how fresh everything is, how well it is prepared.
import { Gallery, Progress } from '@patternfly/react-core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { queries, type Shapes } from '../api';
import { useJobsNow, useMachines, useNow, type JobRow, type MachineRow } from '../live';
import { Part, Rows } from '../parts/facts';
import { Findings } from '../parts/findings';
import { PageFrame, To, jobPath, machinePath } from '../parts/frame';
import { HealthLabel, StateLabel } from '../parts/labels';
import { SiteMap } from '../parts/site-map';
import { Asking, Empty, Loading } from '../parts/state';
import { words } from '../words';
import { bytes, plain, span } from '../words/format';

const MOST_NEEDING = 10;
const DRILLED_WITHIN_SECONDS = 90 * 86_400;

export default function Overview() {
  const machines = useMachines();
  return (
    <PageFrame title={words.pages.overview}>
      {machines === undefined ? <Loading /> : machines.length ? <All machines={machines} /> : <Empty says={words.machines.none}>{words.machines.noneDo}</Empty>}
    </PageFrame>
  );
}

function All({ machines }: { machines: readonly MachineRow[] }) {
  const jobs = useJobsNow();
  return (
    <>
      <Figures machines={machines} jobs={jobs} />
      <div className="parts two">
        <Part title={words.overview.needs}><Needs machines={machines} jobs={jobs} /></Part>
        <Part title={words.overview.jobs}><Going jobs={jobs} /></Part>
        <Part title={words.overview.ready}><Ready machines={machines} /></Part>
        <Part title={words.overview.stores}><Stores /></Part>
      </div>
      <div className="parts"><Part title={words.overview.sites}><SiteMap machines={machines} /></Part></div>
    </>
  );
}

const many = <T,>(rows: readonly T[], fits: (row: T) => boolean) => rows.reduce((sum, each) => sum + Number(fits(each)), 0);
const isLate = (now: number) => (row: MachineRow) => row.recoverable_at !== null && row.rpo_goal_seconds !== null && now - row.recoverable_at > row.rpo_goal_seconds;

function Figures({ machines, jobs }: { machines: readonly MachineRow[]; jobs: readonly JobRow[] }) {
  const now = useNow(5_000);
  const { figures } = words.overview;
  const worst = machines.reduce<MachineRow | undefined>((found, each) => (each.recoverable_at !== null && each.recoverable_at < (found?.recoverable_at ?? Infinity) ? each : found), undefined);
  return (
    <Gallery hasGutter minWidths={{ default: '9rem' }} className="figures">
      <Figure of={machines.length} says={figures.machines} to="/machines" />
      <Figure of={many(machines, (each) => each.health === 'critical')} says={figures.critical} to="/machines?health=critical" isBad />
      <Figure of={many(machines, (each) => each.health === 'warning')} says={figures.warning} to="/machines?health=warning" isBad />
      <Figure of={many(machines, isLate(now))} says={figures.late} to="/machines" isBad />
      <Figure of={worst?.recoverable_at == null ? words.none : span(Math.max(0, Math.floor(now - worst.recoverable_at)))} says={figures.worst(worst?.name ?? words.none)} to={worst ? machinePath(worst.id) : '/machines'} />
      <Figure of={jobs.length} says={figures.jobs} to="/jobs" />
    </Gallery>
  );
}

function Figure({ of, says, to, isBad = false }: { of: number | string; says: string; to: string; isBad?: boolean }) {
  return <Link href={to} className={`figure-card${isBad && of !== 0 ? ' bad' : ''}`}><strong>{of}</strong><span>{says}</span></Link>;
}

/** Whatever waits for a person, the worst first. */
function Needs({ machines, jobs }: { machines: readonly MachineRow[]; jobs: readonly JobRow[] }) {
  const vault = queries.useQuery('get', '/api/vault');
  const approvals = queries.useQuery('get', '/api/approvals', { params: { query: { stage: ['asked'], limit: MOST_NEEDING } } }, { retry: false });
  const appliances = queries.useQuery('get', '/api/appliances');
  const away = (appliances.data ?? []).filter((each) => !each.connected);
  const ill = useMemo(() => machines.filter((each) => each.severity !== null).sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical')), [machines]);
  const asking = jobs.filter((each) => each.waits_for_person || each.state === 'held');
  const waiting = approvals.data?.items ?? [];
  const findings = vault.data?.findings ?? [];
  if (!ill.length && !asking.length && !waiting.length && !away.length && !findings.length) return <p>{words.overview.nothing}</p>;
  return (
    <>
      <Findings of={findings} />
      <ul className="needs">
        {asking.map((each) => <li key={each.id}><StateLabel of={each.state} /> <To path={jobPath(each.id)}>{plain(each.verb)} {each.name}</To> {each.sentence}</li>)}
        {waiting.map((each) => <li key={each.number}><HealthLabel of="warning" /> <To path="/access">{words.overview.approval(each.number, each.verb, each.who)}</To></li>)}
        {away.map((each) => <li key={each.id}><HealthLabel of="critical" /> <To path="/sites">{words.overview.away(each.name, each.site)}</To></li>)}
        {ill.slice(0, MOST_NEEDING).map((each) => <li key={each.id}><HealthLabel of={each.severity ?? each.health} /> <To path={machinePath(each.id)}>{each.name}</To> {each.findings.map(plain).join(', ')}</li>)}
      </ul>
      {ill.length > MOST_NEEDING && <p><To path="/machines?health=critical">{words.overview.more(ill.length - MOST_NEEDING)}</To></p>}
    </>
  );
}

function Going({ jobs }: { jobs: readonly JobRow[] }) {
  const tops = jobs.filter((each) => each.parent_id === null).slice(0, MOST_NEEDING);
  if (!tops.length) return <p>{words.overview.noJobs}</p>;
  return (
    <ul className="needs">
      {tops.map((each) => (
        <li key={each.id}>
          <Progress value={each.percent} title={<To path={jobPath(each.id)}>{plain(each.verb)} {each.name}</To>} size="sm" aria-label={`${plain(each.verb)} ${each.name ?? ''}`} />
          <span className="small">{each.sentence}</span>
        </li>
      ))}
    </ul>
  );
}

function Ready({ machines }: { machines: readonly MachineRow[] }) {
  const now = useNow(60_000);
  const { ready } = words.overview.readiness;
  const rows = [
    [ready.never, many(machines, (each) => each.drilled_at === null)],
    [ready.old, many(machines, (each) => each.drilled_at !== null && now - each.drilled_at > DRILLED_WITHIN_SECONDS)],
    [ready.drifted, many(machines, (each) => each.findings.some((code) => code.includes('drift') || code.includes('changed-since')))],
    [ready.good, many(machines, (each) => each.drilled_at !== null && now - each.drilled_at <= DRILLED_WITHIN_SECONDS)],
  ] as const;
  return <Rows name={words.overview.ready} rows={rows} idOf={([title]) => title} columns={[{ title: words.overview.readiness.what, cell: ([title]) => title }, { title: words.overview.readiness.many, cell: ([, count]) => count }]} />;
}

function Stores() {
  const found = queries.useQuery('get', '/api/appliances');
  const stores = (of: readonly Shapes['Appliance'][]) => of.flatMap((each) => each.stores.map((store) => ({ ...store, at: `${each.site}, ${each.name}` })));
  return (
    <Asking of={found}>
      {(appliances) => <Rows name={words.overview.stores} rows={stores(appliances)} idOf={(row) => row.at + row.name} columns={[
        { title: words.sites.store, cell: (row) => <>{row.name} <span className="small">{row.at}</span></> },
        { title: words.sites.free, cell: (row) => row.problem ?? <Space free={row.free_bytes} size={row.size_bytes} name={`${row.at}: ${row.name}`} /> },
      ]} />}
    </Asking>
  );
}

function Space({ free, size, name }: { free?: number | null; size?: number | null; name: string }) {
  if (free == null || !size) return <>{words.none}</>;
  const used = Math.round((100 * (size - free)) / size);
  return <Progress value={used} size="sm" title={words.sites.freeOf(bytes(free), bytes(size))} aria-label={name} variant={used > 90 ? 'danger' : used > 80 ? 'warning' : undefined} />;
}

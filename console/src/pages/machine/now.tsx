// How the machine is now, how fresh its replica is, and what can be done with it.
import { Label, LabelGroup } from '@patternfly/react-core';
import { Fragment, Suspense, useMemo } from 'react';
import { queries, type Shapes } from '../../api';
import { vaultNow } from '../../api/clock';
import { useNow } from '../../live';
import { Chart, SPANS, type Line } from '../../parts/chart';
import { Facts, Part, Rows } from '../../parts/facts';
import { To, jobPath } from '../../parts/frame';
import { lazy } from '../../parts/lazy';
import { Asking, Loading } from '../../parts/state';
import { words } from '../../words';
import { ago, bytes, instant, percent, plain, span } from '../../words/format';
import type { Machine } from '.';
import { Connecting } from './connecting';

const EVERY_SECONDS = 300;
const People = lazy(() => import('../../ways/passes'));

export function Now({ machine }: { machine: Machine }) {
  return (
    <>
      <Part title={words.machine.state}><State of={machine} /></Part>
      {machine.drill.open && <Suspense fallback={<Loading />}><People machine={machine} /></Suspense>}
      <Part title={words.machine.possible}><Possible of={machine} /></Part>
      <Part title={words.machine.freshness}><Freshness of={machine} /></Part>
      <Part title={words.machine.churn}><Churn of={machine} /></Part>
      <Part title={words.machine.replication}><Replication of={machine} /></Part>
      <Part title={words.machine.connecting.title}><Connecting machine={machine} /></Part>
    </>
  );
}

function State({ of: machine }: { of: Machine }) {
  const { facts } = words.machine;
  const { failover, drill, addresses, booted } = machine;
  return (
    <Facts
      of={[
        [facts.runs, machine.active_site],
        [facts.way, `${words.machines.from(machine.source_site, machine.target_site ?? words.none)}${machine.direction ? `, ${plain(machine.direction)}` : ''}`],
        [facts.power, machine.power && plain(machine.power)],
        [facts.job, machine.job_id && <To path={jobPath(machine.job_id)}>{words.machine.toJob}</To>],
        [facts.failover, failover && `${failover.what}${failover.at ? `, ${ago(failover.at)}` : ''}`],
        [facts.drill, drill.open && <>{words.machine.drillOpen(drill.open.what, drill.open.machine_name, drill.open.network ?? words.none, ago(drill.open.started_at))}</>],
        [facts.booted, booted && `${plain(booted.verdict)}, ${ago(booted.looked_at)}: ${booted.said}`],
        [facts.addresses, addresses && `${addresses.addresses.join(', ') || words.none} (${addresses.site}, ${ago(addresses.at)})`],
        [facts.policy, machine.policy && <To path="/policies">{machine.policy}</To>],
        [facts.group, machine.group && <To path="/groups">{machine.group}</To>],
        [facts.appliances, `${machine.source_appliance ?? words.none} → ${machine.target_appliance ?? words.none}`],
        [facts.kept, [machine.kept.host, machine.kept.store].filter(Boolean).join(', ')],
        [facts.encryption, machine.encryption.key_id ?? (machine.encryption.wanted ? words.yes : words.no)],
      ]}
    />
  );
}

/** Why a verb is refused is often the same for several: said once. */
function reasons(refused: readonly Shapes['RefusedOperation'][]) {
  const found = new Map<string, { why: string; next: string; verbs: string[] }>();
  for (const { operation, why, do: next } of refused) {
    const present = found.get(why + next) ?? { why, next, verbs: [] };
    present.verbs.push(plain(operation));
    found.set(why + next, present);
  }
  return [...found.values()];
}

function Possible({ of: machine }: { of: Machine }) {
  const allowed = machine.allowed_operations;
  return (
    <>
      {allowed.length ? (
        <LabelGroup numLabels={20} aria-label={words.machine.possible}>{allowed.map((each) => <Label key={each} status="success" variant="outline">{plain(each)}</Label>)}</LabelGroup>
      ) : <p>{words.machine.nothingPossible}</p>}
      <h3 className="lesser">{words.machine.refused}</h3>
      <dl className="reasons">
        {reasons(machine.refused_operations).map(({ why, next, verbs }) => (
          <Fragment key={why + next}>
            <dt>{verbs.join(', ')}</dt>
            <dd>{why}{next && <><br /><strong>{words.next}:</strong> {next}</>}</dd>
          </Fragment>
        ))}
      </dl>
    </>
  );
}

function Freshness({ of: machine }: { of: Machine }) {
  const since = useMemo(() => new Date(vaultNow() - 24 * 3_600_000).toISOString(), []);
  const series = queries.useQuery('get', '/api/machines/{machine}/rpo', { params: { path: { machine: machine.id }, query: { since, every: EVERY_SECONDS } } });
  const policies = queries.useQuery('get', '/api/policies', { params: { query: { limit: 500 } } });
  const goal = policies.data?.items.find((each) => each.name === machine.policy)?.rpo_threshold_seconds;
  return (
    <>
      <Ages of={machine} />
      <Asking of={series}>{(found) => (found.length < 2 ? <p>{words.machine.noSeries}</p> : <RpoChart of={found} goal={goal} />)}</Asking>
    </>
  );
}

/** The ages grow while one looks: a machine is told again only when something of it changes. */
function Ages({ of: { rpo } }: { of: Machine }) {
  const { facts } = words.machine;
  const read = useMemo(() => vaultNow() / 1000, [rpo]);
  const now = useNow();
  const later = Math.max(0, now - read);
  const grown = (seconds: number | null | undefined) => (seconds == null ? words.none : span(Math.floor(seconds + later)));
  return <Facts of={[[facts.rpo, grown(rpo.seconds)], [facts.sent, grown(rpo.sent_seconds)], [facts.processed, grown(rpo.processed_seconds)]]} />;
}

function RpoChart({ of: samples, goal }: { of: readonly Shapes['RpoSample'][]; goal: number | undefined }) {
  const at = useMemo(() => samples.map((each) => Date.parse(each.at) / 1000), [samples]);
  const lines = useMemo<Line[]>(() => [
    { title: words.machine.facts.rpo, values: samples.map((each) => each.seconds ?? null), token: '--pf-t--global--color--brand--default' },
    ...(goal ? [{ title: words.machine.goal, values: samples.map(() => goal), token: '--pf-t--global--color--status--danger--default', isDashed: true }] : []),
  ], [samples, goal]);
  const worst = Math.max(...samples.map((each) => each.seconds ?? 0));
  return <Chart at={at} lines={lines} figure={span} steps={SPANS} says={words.machine.chart(span(worst), goal ? span(goal) : words.none)} />;
}

const aSecond = (rate: number) => words.machine.perSecond(bytes(rate));

function Churn({ of: machine }: { of: Machine }) {
  const found = queries.useQuery('get', '/api/machines/{machine}/churn', { params: { path: { machine: machine.id } } });
  return <Asking of={found}>{(samples) => (samples.length < 2 ? <p>{words.machine.noSeries}</p> : <ChurnChart of={samples} />)}</Asking>;
}

function ChurnChart({ of: samples }: { of: readonly Shapes['ChurnSample'][] }) {
  const at = useMemo(() => samples.map((each) => Date.parse(each.at) / 1000), [samples]);
  const lines = useMemo<Line[]>(() => [
    { title: words.machine.churn, values: samples.map((each) => each.changed_bytes / Math.max(1, each.seconds)), token: '--pf-t--global--color--brand--default' },
  ], [samples]);
  const all = samples.reduce((sum, each) => sum + each.changed_bytes, 0);
  const seconds = samples.reduce((sum, each) => sum + each.seconds, 0);
  return <Chart at={at} lines={lines} figure={aSecond} says={words.machine.churnSays(aSecond(all / Math.max(1, seconds)))} />;
}

function Replication({ of: { replication, points, journal, disks } }: { of: Machine }) {
  const { facts } = words.machine;
  const { synchronization: pass, last_cycle: cycle, view } = replication;
  return (
    <>
      <Facts
        of={[
          [facts.pass, pass && `${plain(pass.mode)} ${percent(pass.fraction)}${pass.seconds_left ? `, ${words.machine.left(span(pass.seconds_left))}` : ''}`],
          [facts.cycle, cycle && words.machine.cycle(bytes(cycle.changed_bytes), bytes(cycle.wire_bytes), span(cycle.seconds))],
          [facts.view, view && [plain(view.kind), view.reason].filter(Boolean).join(': ')],
          [facts.wire, bytes(replication.total_wire_bytes)],
          [facts.inbox, bytes(replication.inbox_bytes)],
          [facts.store, bytes(replication.store_bytes)],
          [facts.points, `${points.count}${points.newest ? `, ${instant(points.newest.taken_at)}` : ''}`],
          [facts.journal, journal.stretches.length ? `${journal.stretches.map((each) => `${instant(each.begins_at)} – ${instant(each.ends_at)}`).join(', ')} (${bytes(journal.bytes)})` : null],
        ]}
      />
      <Rows
        name={words.machine.disks}
        rows={disks}
        idOf={(row) => row.key}
        columns={[
          { title: words.machine.disk.key, cell: (row) => row.key },
          { title: words.machine.disk.size, cell: (row) => bytes(row.size_bytes) },
          { title: words.machine.disk.protected, cell: (row) => (row.protected ? words.yes : words.no) },
          { title: words.machine.disk.system, cell: (row) => (row.system == null ? words.none : row.system ? words.yes : words.no) },
        ]}
      />
    </>
  );
}

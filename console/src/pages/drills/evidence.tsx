// The evidence of one drill or failover: pictures, texts of consoles, checks; all of it can be verified without a vault.
import { Breadcrumb, BreadcrumbItem, Button, CodeBlock, CodeBlockCode, ExpandableSection } from '@patternfly/react-core';
import { Fragment } from 'react';
import { Link, useParams } from 'wouter';
import { queries } from '../../api';
import { Facts, Part, Rows } from '../../parts/facts';
import { PageFrame } from '../../parts/frame';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain, span } from '../../words/format';

type Told = { [key: string]: unknown };
const isObject = (of: unknown): of is Told => typeof of === 'object' && of !== null && !Array.isArray(of);
const inside = (of: unknown, key: string): Told => (isObject(of) && isObject(of[key]) ? of[key] : {});
const text = (of: Told, key: string) => (typeof of[key] === 'string' ? of[key] : null);
const figure = (of: Told, key: string) => (typeof of[key] === 'number' ? of[key] : null);
const machines = (of: Told): Told[] => (Array.isArray(of['machines']) ? of['machines'].filter(isObject) : []);

export default function OneEvidence() {
  const { id = '' } = useParams();
  const found = queries.useQuery('get', '/api/evidence/{evidence}', { params: { path: { evidence: id } } });
  const job = inside(found.data?.evidence, 'job');
  return (
    <PageFrame title={[words.drills.one, found.data && plain(text(job, 'verb')), text(job, 'subject')].filter(Boolean).join(' ')} above={<Above />}>
      <Asking of={found}>
        {({ evidence, entry }) => (
          <div className="parts">
            <Part title={words.drills.about}>
              <About of={job} entry={entry ? `${entry.number}, ${instant(entry.at)}` : null} />
              <Button variant="link" isInline component="a" href={`/api/evidence/${encodeURIComponent(id)}`} download={`evidence-${id}.json`}>{words.drills.save}</Button>
            </Part>
            <Runs of={machines(evidence).filter((each) => each['taken_at'])} />
            {machines(evidence).map((each) => <Picture key={text(each, 'id')} evidence={id} of={each} />)}
            <Part title={words.drills.all}>{Object.entries(evidence).filter(([, value]) => isObject(value) || Array.isArray(value)).map(([key, value]) => <Branch key={key} name={plain(key)} of={value} />)}</Part>
          </div>
        )}
      </Asking>
    </PageFrame>
  );
}

const Above = () => (
  <Breadcrumb><BreadcrumbItem render={({ className }) => <Link href="/drills" className={className}>{words.pages.drills}</Link>} /></Breadcrumb>
);

function About({ of: job, entry }: { of: Told; entry: string | null }) {
  const { jobs, drills } = words;
  return (
    <Facts of={[
      [jobs.state, plain(text(job, 'state'))], [jobs.by, text(job, 'asked_by')], [jobs.when, instant(text(job, 'asked_at'))],
      [drills.ended, instant(text(job, 'ended_at'))], [drills.result, text(job, 'result')], [drills.entry, entry],
    ]} />
  );
}

/** What each machine was started from, what that lost, and how long it took, beside the goals for that. */
function Runs({ of: rows }: { of: readonly Told[] }) {
  const { drills, machines: say } = words;
  const beside = (found: number | null, goal: number | null) => (goal === null || found === null ? span(found) : drills.beside(span(found), span(goal)));
  if (!rows.length) return null;
  return (
    <Part title={words.pages.machines}><Rows name={words.pages.machines} rows={rows} idOf={(row) => text(row, 'id') ?? ''} columns={[
      { title: say.name, cell: (row) => text(row, 'name') ?? words.none },
      { title: drills.from, cell: (row) => instant(text(row, 'taken_at')) },
      { title: drills.lost, cell: (row) => beside(figure(row, 'rpo_seconds'), figure(row, 'rpo_goal_seconds')) },
      { title: drills.took, cell: (row) => beside(figure(row, 'rto_proven_seconds') ?? figure(row, 'rto_started_seconds'), figure(row, 'rto_goal_seconds')) },
    ]} /></Part>
  );
}

function Picture({ evidence, of: machine }: { evidence: string; of: Told }) {
  const sha256 = text(inside(machine, 'picture'), 'sha256');
  const name = text(machine, 'name') ?? '';
  if (!sha256) return null;
  return <Part title={words.drills.picture(name)}><img className="screen" src={`/api/evidence/${encodeURIComponent(evidence)}/pictures/${sha256}`} alt={words.jobs.screenOf(name)} /></Part>;
}

/** A part of the document: facts as a list, texts as they are, parts of it below. */
function Branch({ name, of }: { name: string; of: unknown }) {
  const entries = Object.entries(of as Told);
  if (!entries.length) return null;
  const simple = entries.filter(([, value]) => !isObject(value) && !Array.isArray(value));
  const deep = entries.filter(([, value]) => isObject(value) || Array.isArray(value));
  return (
    <ExpandableSection toggleText={name} isIndented>
      <Facts of={simple.map(([key, value]) => [plain(key), typeof value === 'string' && value.includes('\n') ? <CodeBlock><CodeBlockCode>{value}</CodeBlockCode></CodeBlock> : String(value ?? words.none)] as const)} />
      {deep.map(([key, value]) => <Fragment key={key}><Branch name={isObject(value) && typeof value['name'] === 'string' ? value['name'] : plain(key)} of={value} /></Fragment>)}
    </ExpandableSection>
  );
}

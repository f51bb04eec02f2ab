// The evidence of one drill or failover: pictures, texts of consoles, checks; all of it can be verified without a vault.
import { Breadcrumb, BreadcrumbItem, Button, CodeBlock, CodeBlockCode, ExpandableSection } from '@patternfly/react-core';
import { Fragment } from 'react';
import { Link, useParams } from 'wouter';
import { queries } from '../../api';
import { Facts, Part } from '../../parts/facts';
import { PageFrame } from '../../parts/frame';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain } from '../../words/format';

type Told = { [key: string]: unknown };
const isObject = (of: unknown): of is Told => typeof of === 'object' && of !== null && !Array.isArray(of);
const DIGEST = /^[0-9a-f]{64}$/;

/** Every digest of a picture in the document, with where it stands. */
function pictures(of: unknown, where: readonly string[] = []): { sha256: string; where: string }[] {
  if (Array.isArray(of)) return of.flatMap((each) => pictures(each, where));
  if (!isObject(of)) return [];
  const name = typeof of['machine'] === 'string' ? of['machine'] : typeof of['name'] === 'string' ? of['name'] : undefined;
  const here = name ? [...where, name] : where;
  return Object.entries(of).flatMap(([key, value]) => (key.startsWith('picture') && typeof value === 'string' && DIGEST.test(value) ? [{ sha256: value, where: here.join(', ') }] : pictures(value, here)));
}

export default function OneEvidence() {
  const { id = '' } = useParams();
  const found = queries.useQuery('get', '/api/evidence/{evidence}', { params: { path: { evidence: id } } });
  return (
    <PageFrame title={words.drills.one} above={<Above />}>
      <Asking of={found}>
        {({ evidence, entry }) => (
          <div className="parts">
            <Part title={words.drills.about}>
              <Facts of={[...Object.entries(evidence).filter(([, value]) => !isObject(value) && !Array.isArray(value)).map(([key, value]) => [plain(key), String(value ?? words.none)] as const), [words.drills.entry, entry && `${entry.number}, ${instant(entry.at)}`]]} />
              <Button variant="link" component="a" href={`/api/evidence/${encodeURIComponent(id)}`} download={`evidence-${id}.json`}>{words.drills.save}</Button>
            </Part>
            {pictures(evidence).map(({ sha256, where }) => (
              <Part key={sha256} title={words.drills.picture(where)}><img className="screen" src={`/api/evidence/${encodeURIComponent(id)}/pictures/${sha256}`} alt={words.jobs.screenOf(where)} /></Part>
            ))}
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

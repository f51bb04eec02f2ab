// Who may come into the machine of an open drill, who did, and the ways in: here, and by the command line.
import { Alert, Button, ClipboardCopy } from '@patternfly/react-core';
import { useEffect, useRef, useState, type ComponentType } from 'react';
import { api, cache, queries, type Shapes } from '../api';
import { vaultNow } from '../api/clock';
import { may, useWho } from '../api/session';
import { EditActs } from '../edits/edit-acts';
import { New } from '../edits/editor';
import { needed, spanWithin, type Field } from '../edits/form';
import { readSpan } from '../edits/reading';
import { Remove } from '../edits/remove';
import { Part, Rows } from '../parts/facts';
import { lazy } from '../parts/lazy';
import { Asking, Opening, told } from '../parts/state';
import { words } from '../words';
import { bytes, instant, span } from '../words/format';
import { Line, type Kind } from './line';

type Of = { machine: { id: string; name: string } };
const SHORTEST_SECONDS = 60;
const LONGEST_SECONDS = 14 * 86_400;
const PATH = '/api/machines/{machine}/drill/passes';
const params = ({ machine }: Of) => ({ path: { machine: machine.id } });
const readEntries = () => cache.invalidateQueries({ queryKey: ['get', PATH] });

export default function People({ machine, title = words.ways.title }: Of & { title?: string }) {
  const found = queries.useQuery('get', PATH, { params: params({ machine }) });
  const { ways } = words;
  return (
    <Part title={title}>
      <Asking of={found}>
        {({ passes, visits }) => (
          <>
            <EditActs isQuiet isSmall acts={[{ label: ways.give, about: machine.name, permission: 'operate', show: (close) => <GivePass machine={machine} onClose={close} /> }]} />
            <h3 className="lesser">{ways.passes}</h3>
            <Passes machine={machine} of={passes ?? []} />
            <Ways machine={machine} passes={passes ?? []} />
            <h3 className="lesser">{ways.visits}</h3>
            <Visits of={visits ?? []} />
            <Commands machine={machine} />
          </>
        )}
      </Asking>
    </Part>
  );
}

function Passes({ machine, of: passes }: Of & { of: readonly Shapes['DrillPassInfo'][] }) {
  const { ways } = words;
  return (
    <Rows name={ways.passes} rows={passes} idOf={(row) => row.id} none={ways.noPasses} columns={[
      { title: ways.who, cell: (row) => row.who },
      { title: ways.until, cell: (row) => instant(row.until) },
      { title: ways.givenBy, cell: (row) => row.given_by },
      { title: ways.end, cell: (row) => <EditActs isSmall isQuiet acts={[{ label: ways.end, about: row.who, permission: 'operate', show: (close) => <EndPass machine={machine} pass={row} onClose={close} /> }]} /> },
    ]} />
  );
}

function Visits({ of: visits }: { of: readonly Shapes['DrillVisitInfo'][] }) {
  const { ways } = words;
  const lasted = ({ began_at, ended_at }: Shapes['DrillVisitInfo']) => (ended_at ? span(Math.max(0, Date.parse(ended_at) - Date.parse(began_at)) / 1000) : ways.open);
  return (
    <Rows name={ways.visits} rows={visits.toReversed()} idOf={(row, at) => `${row.began_at} ${row.who} ${at}`} none={ways.noVisits} columns={[
      { title: ways.who, cell: (row) => row.who },
      { title: ways.where, cell: (row) => row.what },
      { title: ways.began, cell: (row) => instant(row.began_at) },
      { title: ways.lasted, cell: lasted },
      { title: ways.inwards, cell: (row) => bytes(row.sent_bytes) },
      { title: ways.outwards, cell: (row) => bytes(row.received_bytes) },
      { title: ways.ended, cell: (row) => row.why || words.none },
    ]} />
  );
}

type Draft = { who: string; lasts: string };

function GivePass({ machine, onClose }: Of & { onClose: () => void }) {
  const { ways } = words;
  const fields: readonly Field<Draft>[] = [
    { name: 'who', title: ways.person, help: ways.personHelp, wrong: needed(100) },
    { name: 'lasts', title: ways.span, help: ways.spanHelp, wrong: spanWithin(SHORTEST_SECONDS, LONGEST_SECONDS) },
  ];
  const send = async ({ who, lasts }: Draft, key: string) => {
    await api.POST(PATH, { params: { ...params({ machine }), header: { 'idempotency-key': key } }, body: { who: who.trim(), lasts_seconds: readSpan(lasts)! } });
    void readEntries();
  };
  return <New<never, Draft> title={words.actions.title(ways.give, machine.name)} act={ways.give} verb="give_drill_pass" steps={ways.givesSteps} fields={fields} draftOf={() => ({ who: '', lasts: '8h' })} send={send} onClose={onClose} />;
}

function EndPass({ machine, pass, onClose }: Of & { pass: Shapes['DrillPassInfo']; onClose: () => void }) {
  const { ways } = words;
  const send = () => api.DELETE('/api/machines/{machine}/drill/passes/{pass_id}', { params: { path: { machine: machine.id, pass_id: pass.id } } });
  return <Remove what={ways.endPass(pass.who)} act={words.ways.end} verb="end_drill_pass" steps={ways.endSteps} send={send} onClose={onClose} />;
}

// The ways in from here.

type Shown = ComponentType<{ line: Line; onLeave: () => void }>;
const shows: Record<Kind, Shown> = { console: lazy(() => import('./terminal')), screen: lazy(() => import('./screen')) };
const KINDS = Object.keys(shows) as Kind[];

function Ways({ machine, passes }: Of & { passes: readonly Shapes['DrillPassInfo'][] }) {
  const { ways } = words;
  const [open, setOpen] = useState<{ kind: Kind; number: number }>();
  const buttons = useRef<Partial<Record<Kind, HTMLButtonElement | null>>>({});
  const who = useWho().data!;
  const isIn = passes.some((each) => each.who === who.name && Date.parse(each.until) > vaultNow());
  const leave = () => {
    if (open) buttons.current[open.kind]?.focus();
    setOpen(undefined);
    void readEntries();
  };
  if (!may(who, 'test')) return <p className="small">{words.edits.mayNot(`${ways.console}, ${ways.screen}`)}</p>;
  return (
    <>
      {!isIn && !open && <p className="small way">{ways.needPass}</p>}
      {(isIn || open) && (
        <div className="acts">
          {KINDS.map((kind) => <Button key={kind} ref={(at) => void (buttons.current[kind] = at)} variant="secondary" aria-label={`${ways[kind]} ${machine.name}`} onClick={() => setOpen({ kind, number: (open?.number ?? 0) + 1 })}>{ways[kind]}</Button>)}
        </div>
      )}
      {open && <Way key={open.number} machine={machine} kind={open.kind} onLeave={leave} />}
    </>
  );
}

function Way({ machine, kind, onLeave }: Of & { kind: Kind; onLeave: () => void }) {
  const { ways } = words;
  const [line, setLine] = useState<Line>();
  const [problem, setProblem] = useState<unknown>();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let isHere = true;
    let mine: Line | undefined;
    const begun = (opened: Line) => {
      mine = opened;
      if (!isHere) return opened.close();
      opened.ended(() => isHere && (setOver(true), void readEntries()));
      setLine(opened);
      void readEntries();
    };
    Line.open(machine.id, kind).then(begun, (refused) => isHere && setProblem(refused));
    return () => {
      isHere = false;
      mine?.close();
    };
  }, [machine.id, kind]);
  const place = useRef<HTMLElement>(null);
  const isThere = line !== undefined;
  useEffect(() => void (isThere && place.current?.scrollIntoView({ block: 'start' })), [isThere, isOver]);
  const Show = shows[kind];
  const { says, next } = problem === undefined ? { says: '', next: null } : told(problem);
  return (
    <section ref={place} className="way" aria-label={`${ways[kind]} ${machine.name}`}>
      <div className="acts">
        <Button variant="link" isInline onClick={onLeave}>{ways.leave}</Button>
        <span className="small">{ways.leaveBy}</span>
      </div>
      <div role="status">
        {problem !== undefined && <Alert isInline variant="danger" component="h3" title={says}>{next}</Alert>}
        {isOver && <Alert isInline variant="info" component="h3" title={ways.over}>{ways.overWhy}</Alert>}
        {!line && problem === undefined && <p>{ways.opening}</p>}
      </div>
      {line && <Opening onClose={onLeave}><Show line={line} onLeave={onLeave} /></Opening>}
    </section>
  );
}

// The same by the command line.

/** As a shell takes it in one word. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

function Commands({ machine }: Of) {
  const { ways } = words;
  const name = quoted(machine.name);
  const all: readonly (readonly [string, string])[] = [
    [ways.terminal, `secondsite drill console ${name}`],
    [ways.viewer, `secondsite drill screen ${name}`],
    [ways.port, `secondsite drill connect ${name} 443 --local-port 8443`],
    [ways.windows, `secondsite drill connect ${name} 3389 --local-port 3390`],
  ];
  return (
    <>
      <h3 className="lesser">{ways.commands}</h3>
      <p>{ways.commandsSay}</p>
      {all.map(([what, text]) => (
        <div key={what} className="command">
          <span className="small">{what}</span>
          <ClipboardCopy isReadOnly hoverTip={words.edits.copy} clickTip={words.edits.copied} textAriaLabel={`${what}: ${machine.name}`}>{text}</ClipboardCopy>
        </div>
      ))}
    </>
  );
}

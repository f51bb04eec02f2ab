// The one stream of changes of a browser, however many tabs are open: HTTP/1.1 gives it six connections in all.
// Rows of all machines are fetched once, compressed, when the first page wants them; one more tab asks for nothing.
/// <reference lib="webworker" />
import type { Shapes } from '../api';
import type { FromWorker, ToWorker } from './messages';
import { reader, type MachineRow } from './rows';

type Batch = Partial<Shapes['LiveBatch']>;
type Rows = Shapes['MachineRows'];

const LOOK_EVERY_MS = 3_000;
const DEAD_AFTER_MS = 40_000; // the vault says something every 15 seconds
const ports = new Map<MessagePort, { wantsRows: boolean }>();
let machines: Map<string, MachineRow> | undefined;
let machine = reader<MachineRow>([]);
let stream: EventSource | undefined;
let isOpening = false;
let isLoading = false;
let mark: string | undefined;
let heard = { heardAt: 0 };

function tell(message: FromWorker) {
  for (const port of ports.keys()) port.postMessage(message);
}

async function rows(query: string): Promise<Rows> {
  const answer = await fetch(`/api/machine-rows${query}`, { headers: { 'X-Unattended': '1' } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json() as Promise<Rows>;
}

/** Marks of one life of a vault's process begin alike; after another mark nothing is known of what was missed. */
const life = (of: string | undefined) => of?.slice(0, of.lastIndexOf('-'));

async function open() {
  isOpening = true;
  try {
    const now = await rows('?limit=1');
    machine = reader(now.columns);
    if (life(now.mark) !== life(mark)) [mark, machines] = [now.mark, undefined];
    follow();
    void load();
  } catch {
    tell({ kind: 'lost' });
  } finally {
    isOpening = false;
  }
}

function follow() {
  stream?.close();
  stream = new EventSource(`/api/live?mark=${encodeURIComponent(mark ?? '')}`);
  for (const kind of ['whole', 'changes', 'alive'] as const) {
    stream.addEventListener(kind, ({ data, lastEventId }: MessageEvent<string>) => hear(kind, JSON.parse(data) as Batch, lastEventId));
  }
  // A browser would try again by itself, but without knowing whether the vault still knows the mark.
  stream.onerror = () => {
    stream?.close();
    stream = undefined;
    tell({ kind: 'lost' });
  };
}

function hear(kind: 'whole' | 'changes' | 'alive', batch: Batch, id: string) {
  if (id) mark = id;
  heard = { heardAt: Date.now() };
  if (kind === 'alive') return tell({ kind, ...heard });
  if (kind === 'whole' && batch.machine_columns) machine = reader(batch.machine_columns);
  if (kind === 'whole') machines = new Map();
  const changed = (batch.machines ?? []).map(machine);
  for (const each of changed) machines?.set(each.id, each);
  for (const gone of batch.gone ?? []) machines?.delete(gone);
  if (kind === 'whole') return tell(whole());
  tell({ kind, machines: changed, gone: batch.gone ?? [], hasJobs: !!batch.jobs?.length, things: (batch.things ?? []).map((each) => each.kind), ...heard });
}

const whole = (): FromWorker => ({ kind: 'whole', machines: [...(machines?.values() ?? [])], ...heard });

/** All rows, if a tab wants them. What the stream tells meanwhile is in the answer, or is told again. */
async function load() {
  if (machines || isLoading || !stream || ![...ports.values()].some((each) => each.wantsRows)) return;
  isLoading = true;
  try {
    const found = await rows('');
    machines = new Map(found.rows.map((each) => machine(each)).map((each) => [each.id, each]));
    heard = { heardAt: Date.now() };
    tell(whole());
  } catch {
    tell({ kind: 'lost' });
  } finally {
    isLoading = false;
  }
}

function want(port: MessagePort) {
  ports.set(port, { wantsRows: true });
  if (machines) port.postMessage(whole());
  else void load();
}

function look() {
  if (!ports.size || isOpening) return;
  const isDead = stream && Date.now() - heard.heardAt > DEAD_AFTER_MS;
  if (isDead) tell({ kind: 'lost' });
  if (isDead || !stream) void open();
  else void load();
}

/** What the vault refused shows that the stream is silent, before its time is up. */
function again() {
  machines = undefined;
  if (!isOpening) void open();
}

setInterval(look, LOOK_EVERY_MS);

function leave(port: MessagePort) {
  ports.delete(port);
  if (ports.size) return;
  stream?.close();
  [stream, mark, machines] = [undefined, undefined, undefined];
}

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!;
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data === 'bye') return leave(port);
    if (data === 'rows') return want(port);
    if (data === 'again') return again();
    ports.set(port, { wantsRows: false });
    look();
    if (stream) port.postMessage({ kind: 'alive', ...heard } satisfies FromWorker);
  };
});

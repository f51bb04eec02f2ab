// The one stream of changes of a browser, however many tabs are open: HTTP/1.1 gives it six connections in all.
// It keeps what the stream told, so that one more tab asks the vault for nothing.
/// <reference lib="webworker" />
import type { Batch, FromWorker, ToWorker } from './messages';
import { reader, type JobRow, type MachineRow } from './rows';

const LOOK_EVERY_MS = 5_000;
const DEAD_AFTER_MS = 40_000; // the vault says something every 15 seconds
const ports = new Set<MessagePort>();
const machines = new Map<string, MachineRow>();
const jobs = new Map<string, JobRow>();
let machine = reader<MachineRow>([]);
let job = reader<JobRow>([]);
let stream: EventSource | undefined;
let heardAt = 0;
let ahead = 0;
let isWhole = false;

function tell(message: FromWorker) {
  for (const port of ports) port.postMessage(message);
}

const whole = (): FromWorker => ({ kind: 'whole', machines: [...machines.values()], jobs: [...jobs.values()], heardAt, ahead });

function open() {
  stream?.close();
  stream = new EventSource('/api/live');
  for (const kind of ['whole', 'changes', 'alive'] as const) {
    stream.addEventListener(kind, ({ data }: MessageEvent<string>) => hear(kind, JSON.parse(data) as Batch));
  }
  stream.onerror = () => tell({ kind: 'lost' });
}

function hear(kind: 'whole' | 'changes' | 'alive', batch: Batch) {
  heardAt = Date.now();
  ahead = Date.parse(batch.at) - heardAt;
  if (kind === 'whole') begin(batch);
  const changed = (batch.machines ?? []).map(machine);
  const changedJobs = (batch.jobs ?? []).map(job);
  for (const each of changed) machines.set(each.id, each);
  for (const id of batch.gone ?? []) machines.delete(id);
  for (const each of changedJobs) each.ended_at === null ? jobs.set(each.id, each) : jobs.delete(each.id);
  if (kind === 'whole') tell(whole());
  else if (kind === 'alive') tell({ kind, heardAt, ahead });
  else tell({ kind, machines: changed, gone: batch.gone ?? [], jobs: changedJobs, things: batch.things ?? [], heardAt, ahead });
}

function begin(batch: Batch) {
  isWhole = true;
  machines.clear();
  jobs.clear();
  if (batch.machine_columns) machine = reader(batch.machine_columns);
  if (batch.job_columns) job = reader(batch.job_columns);
}

// A browser tries again by itself after a cut line, but never after an answer such as 401; and of a line that is dead
// without having been cut it knows nothing.
setInterval(() => {
  if (!stream) return;
  const isDead = stream.readyState === EventSource.OPEN && Date.now() - heardAt > DEAD_AFTER_MS;
  if (isDead) tell({ kind: 'lost' });
  if (isDead || stream.readyState === EventSource.CLOSED) open();
}, LOOK_EVERY_MS);

function leave(port: MessagePort) {
  ports.delete(port);
  if (ports.size) return;
  stream?.close();
  stream = undefined;
  isWhole = false;
}

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!;
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data === 'bye') return leave(port);
    ports.add(port);
    if (!stream) open();
    else if (isWhole) port.postMessage(whole());
  };
});

// What the vault tells by itself, as pages use it: rows of machines and jobs, and whether the vault is heard.
import { useEffect, useState, useSyncExternalStore } from 'react';
import { cache, readAgain } from '../api';
import type { FromWorker } from './messages';
import type { JobRow, MachineRow } from './rows';
import worker from './worker?sharedworker&url';

export type { Health, JobRow, JobState, MachineRow, State } from './rows';

type Link = { isLost: boolean; heardAt: number; ahead: number };
type Told = { machines: readonly MachineRow[] | undefined; jobs: readonly JobRow[]; link: Link };

let told: Told = { machines: undefined, jobs: [], link: { isLost: false, heardAt: 0, ahead: 0 } };
const listeners = new Set<() => void>();

function set(change: Partial<Told>) {
  told = { ...told, ...change };
  for (const each of listeners) each();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** All machines under protection in scope, by name; undefined until the vault has told them. */
export const useMachines = () => useSyncExternalStore(subscribe, () => told.machines);
/** The jobs in progress. */
export const useJobsNow = () => useSyncExternalStore(subscribe, () => told.jobs);
export const useLink = () => useSyncExternalStore(subscribe, () => told.link);

/** The vault's time in seconds since 1970, ticking as long as the vault is heard: ages are counted by it. */
export function useNow(everyMs = 1_000): number {
  const link = useLink();
  const [mine, setMine] = useState(Date.now());
  useEffect(() => {
    const clock = setInterval(() => setMine(Date.now()), everyMs);
    return () => clearInterval(clock);
  }, [everyMs]);
  return (mine + link.ahead) / 1000;
}

function hear(message: FromWorker) {
  if (message.kind === 'lost') {
    // Why it is lost may be that nobody is logged in any more.
    void cache.invalidateQueries({ queryKey: ['get', '/api/session'] });
    return set({ link: { ...told.link, isLost: true } });
  }
  const link: Link = { isLost: false, heardAt: message.heardAt, ahead: message.ahead };
  if (message.kind === 'alive') return set({ link });
  if (told.link.isLost) void cache.invalidateQueries();
  if (message.kind === 'whole') return set({ machines: byName(message.machines), jobs: newestFirst(message.jobs), link });
  set({ machines: merged(told.machines ?? [], message.machines, message.gone), jobs: going(message.jobs), link });
  readAgain(concerned(message), new Set([...message.machines.map((each) => each.id), ...message.gone]));
}

const byName = (rows: MachineRow[]) => rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
const newestFirst = (rows: JobRow[]) => rows.sort((a, b) => b.created_at - a.created_at);

function merged(present: readonly MachineRow[], changed: MachineRow[], gone: string[]): readonly MachineRow[] {
  const left = new Map(changed.map((each) => [each.id, each]));
  const without = new Set(gone);
  const rows = present.filter((each) => !without.has(each.id)).map((each) => {
    const now = left.get(each.id);
    left.delete(each.id);
    return now ?? each;
  });
  return left.size ? byName([...rows, ...left.values()]) : rows;
}

function going(changed: JobRow[]): readonly JobRow[] {
  if (!changed.length) return told.jobs;
  const ids = new Set(changed.map((each) => each.id));
  const rest = told.jobs.filter((each) => !ids.has(each.id));
  return newestFirst([...rest, ...changed.filter((each) => each.ended_at === null)]);
}

/** The paths of the API below which something is not what it was. */
function concerned({ jobs, things }: Extract<FromWorker, { kind: 'changes' }>): string[] {
  return [...new Set([...(jobs.length ? ['/api/jobs', '/api/overview'] : []), ...things.map((each) => `/api/${each.kind}`)])];
}

// A page under trusted types loads no script from an address that this policy does not give.
const scripts = window.trustedTypes?.createPolicy('live', { createScriptURL: () => worker });

/** Follows the vault as long as somebody is logged in. */
export function useLive() {
  useEffect(() => {
    const address = scripts ? (scripts.createScriptURL('') as unknown as string) : worker;
    const shared = new SharedWorker(address, { type: 'module', name: 'live' });
    shared.port.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(data);
    shared.port.postMessage('hello');
    const leave = () => shared.port.postMessage('bye');
    addEventListener('pagehide', leave);
    return () => {
      removeEventListener('pagehide', leave);
      leave();
    };
  }, []);
}

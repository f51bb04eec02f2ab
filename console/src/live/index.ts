// What the vault tells by itself, as pages use it: rows of machines, what has changed, and whether it is heard.
import { useEffect, useState, useSyncExternalStore } from 'react';
import { SESSION, cache, readAgain } from '../api';
import { vaultNow } from '../api/clock';
import type { FromWorker, ToWorker } from './messages';
import type { MachineRow } from './rows';
import worker from './worker?sharedworker&url';

export type { Health, JobState, MachineRow, State } from './rows';

type Link = { isLost: boolean; heardAt: number };
type Told = { machines: readonly MachineRow[] | undefined; link: Link };

let told: Told = { machines: undefined, link: { isLost: false, heardAt: 0 } };
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
export function useMachines(): readonly MachineRow[] | undefined {
  useEffect(() => say('rows'), []);
  return useSyncExternalStore(subscribe, () => told.machines);
}

export const useLink = () => useSyncExternalStore(subscribe, () => told.link);

/** The vault's time in seconds since 1970, ticking: ages are counted by it. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(vaultNow);
  useEffect(() => {
    const clock = setInterval(() => setNow(vaultNow()), everyMs);
    return () => clearInterval(clock);
  }, [everyMs]);
  return now / 1000;
}

/** What appliances are asked for: with one that comes back, what it could not say before is asked again. */
const OF_APPLIANCES = ['/api/discovery', '/api/networks', '/api/sites'];

function hear(message: FromWorker) {
  if (message.kind === 'lost') {
    // Why it is lost may be that nobody is logged in any more.
    void cache.invalidateQueries({ queryKey: SESSION });
    return set({ link: { ...told.link, isLost: true } });
  }
  const link: Link = { isLost: false, heardAt: message.heardAt };
  if (told.link.isLost) void cache.invalidateQueries();
  if (message.kind === 'alive') return set({ link });
  if (message.kind === 'whole') return set({ machines: byName(message.machines), link });
  set({ machines: told.machines && merged(told.machines, message.machines, message.gone), link });
  const answered = message.things.includes('appliances') ? OF_APPLIANCES : [];
  const paths = [...(message.hasJobs ? ['/api/jobs'] : []), ...answered, ...message.things.map((each) => `/api/${each}`)];
  readAgain(paths, new Set([...message.machines.map((each) => each.id), ...message.gone]));
}

const byName = (rows: MachineRow[]) => rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

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

// A page under trusted types loads no script from an address that this policy does not give.
const scripts = window.trustedTypes?.createPolicy('live', { createScriptURL: () => worker });
let port: MessagePort | undefined;

function say(what: ToWorker) {
  port?.postMessage(what);
}

/** A new stream, and all rows: this page did not hear what the vault knows. */
export const lookAgain = () => say('again');

/** Follows the vault from now on; gives what ends that. */
export function follow(): () => void {
  const address = scripts ? (scripts.createScriptURL('') as unknown as string) : worker;
  port = new SharedWorker(address, { type: 'module', name: 'live' }).port;
  port.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(data);
  const leave = () => say('bye');
  addEventListener('pagehide', leave);
  say('hello');
  return () => {
    removeEventListener('pagehide', leave);
    leave();
    port = undefined;
  };
}

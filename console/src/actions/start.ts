// Starts verbs. One call of the REST API each; a repeat after a lost answer changes nothing.
import { useRef } from 'react';
import { api, cache, type Shapes } from '../api';
import { seen, type Edition } from '../edits/edition';

type Options = {
  enable_protection: Shapes['EnableProtection'];
  disable_protection: Shapes['DisableProtectionOptions'];
  test_failover: Shapes['TestFailoverOptions'];
  cleanup_test_failover: Shapes['CleanupTestFailoverOptions'];
  failover: Shapes['FailoverOptions'];
  planned_failover: Shapes['PlannedFailoverOptions'];
  change_recovery_point: Shapes['ChangeRecoveryPointOptions'];
  commit: Shapes['WithoutSiteOptions'];
  cancel_failover: Shapes['WithoutSiteOptions'];
  reprotect: Shapes['ReprotectOptions'];
  resynchronize: Shapes['NoOptions'];
  update_names: Shapes['NoOptions'];
  include_disk: Shapes['IncludeDiskOptions'];
  exclude_disk: Shapes['ExcludeDiskOptions'];
  move_replica: Shapes['MoveReplicaOptions'];
  settle: Shapes['SettleOptions'];
};
export type Verb = keyof Options;

/** What a verb acts on: machines by their ids, or a recovery plan, of the edition that was read. */
export type Subject = { machines: readonly string[] } | { plan: Edition<Shapes['Plan']> };

/** What is read of a machine before a verb is confirmed: another verb, or a drill, changes its numbers. */
export type Read = { id: string; generation?: number; drill_generation?: number };

export const membersOf = ({ value }: Edition<Shapes['Plan']>) => value.groups.flatMap((each) => each.machines);

/** As the API asks it: the number of each machine, in the order of what is sent. Of drills only their end is asked. */
function asRead(verb: Verb, of: Subject, read: readonly Read[]) {
  if (verb === 'enable_protection') return {}; // they have none yet
  const meant = 'plan' in of ? membersOf(of.plan) : of.machines.map((id) => read.find((each) => each.id === id)!);
  return { 'as-read': meant.map((each) => (each.generation ?? 0) + (verb === 'cleanup_test_failover' ? (each.drill_generation ?? 0) : 0)).join(',') };
}

/** Starts a verb; gives the id of its job. What is not given in `options` is as the API has it by default. `read`: the
 * machines as they were read: if one was moved since, or the plan was edited, the vault refuses it, also if this page
 * heard of nothing. */
export async function start<V extends Verb>(verb: V, of: Subject, options: Partial<Options[V]>, key: string, read: readonly Read[]): Promise<string> {
  const name = verb.replaceAll('_', '-');
  const isPlan = 'plan' in of;
  const path = isPlan ? `/api/plans/${encodeURIComponent(of.plan.value.name)}/${name}` : `/api/machines/${name}`;
  const body = isPlan ? options : { ...options, machines: of.machines };
  const { data } = await api.POST(path as '/api/machines/commit', { body: body as never, params: { header: { 'idempotency-key': key, ...(isPlan && seen(of.plan.tag).header), ...asRead(verb, of, read) } } });
  void cache.invalidateQueries({ refetchType: 'none' }); // the job's page comes next; what it leaves is read when it is shown again
  return data!.job_id;
}

/** A key for as long as the same is sent: then a repeat is harmless. What was refused may be sent again with another one. */
export function useKey() {
  const kept = useRef({ of: '', key: '' });
  return {
    of: (request: string) => {
      if (kept.current.of !== request || !kept.current.key) kept.current = { of: request, key: crypto.randomUUID() };
      return kept.current.key;
    },
    end: () => (kept.current = { of: '', key: '' }),
  };
}

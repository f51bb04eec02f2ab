// Starts verbs. One call of the REST API each; a repeat after a lost answer changes nothing.
import { useRef } from 'react';
import { api, cache, type Shapes } from '../api';

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

/** What a verb acts on: machines by their ids, or a recovery plan by its name. */
export type Subject = { machines: readonly string[] } | { plan: string };

/** What is read of a machine before a verb is confirmed: another verb, or a drill, changes its numbers. */
export type Read = { id: string; generation?: number; drill_generation?: number };

/** As the API asks it: the numbers of all machines, added. Of drills only their end is asked. */
function asRead(verb: Verb, of: Subject, read: readonly Read[]) {
  const meant = 'plan' in of ? read : read.filter((each) => of.machines.includes(each.id));
  const sum = meant.reduce((total, each) => total + (each.generation ?? 0) + (verb === 'cleanup_test_failover' ? (each.drill_generation ?? 0) : 0), 0);
  return meant.length ? { 'as-read': sum } : {};
}

/** Starts a verb; gives the id of its job. What is not given in `options` is as the API has it by default. `read`: the
 * machines as they were read: if one was moved since, the vault refuses it, also if this page heard of nothing. */
export async function start<V extends Verb>(verb: V, of: Subject, options: Partial<Options[V]>, key: string, read: readonly Read[] = []): Promise<string> {
  const name = verb.replaceAll('_', '-');
  const isPlan = 'plan' in of;
  const path = isPlan ? `/api/plans/${encodeURIComponent(of.plan)}/${name}` : `/api/machines/${name}`;
  const body = isPlan ? options : { ...options, machines: of.machines };
  const { data } = await api.POST(path as '/api/machines/commit', { body: body as never, params: { header: { 'idempotency-key': key, ...asRead(verb, of, read) } } });
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

// Who is logged in. The cookie itself is out of reach for scripts.
import { useQuery } from '@tanstack/react-query';
import { cache, refusal, type Shapes } from '.';

export type Permission = 'enter' | 'read' | 'operate' | 'protect' | 'give_up' | 'equip' | 'configure' | 'read_audit' | 'manage_access';
export type Who = { name: string; person: string; roles: Shapes['Role'][]; site: string | null; permissions: Permission[]; ends_at: string | null };
export type LogInBody = { token: string } | { name: string; password: string; code: string | null };
const KEY = ['get', '/api/session'];

async function ask(method: string, body?: LogInBody): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch('/api/session', { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

export function useWho() {
  const read = async () => (await ask('GET')).json() as Promise<Who>;
  return useQuery({ queryKey: KEY, queryFn: read, retry: false, staleTime: Infinity, refetchOnWindowFocus: false });
}

export function may(who: Who, permission: Permission): boolean {
  return who.permissions.includes(permission);
}

export async function logIn(body: LogInBody) {
  await ask('POST', body);
  await cache.resetQueries({ queryKey: KEY });
}

/** A page that is loaded anew keeps nothing of whoever was logged in. */
export async function logOut() {
  await ask('DELETE').catch(() => {});
  location.assign('/console/');
}

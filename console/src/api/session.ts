// Who is logged in. The cookie itself is out of reach for scripts.
import { SESSION, api, cache, queries, type Shapes } from '.';

const ENTERED_MS = 5_000;

export type Who = Shapes['Identity'];
export type Permission = Shapes['Permission'];
export type LogInBody = Shapes['LogIn'];

export function useWho() {
  return queries.useQuery('get', '/api/session', {}, { retry: false, staleTime: Infinity, refetchOnWindowFocus: false });
}

/** Asks again and again: one may log in in another tab. */
export function useEntered() {
  queries.useQuery('get', '/api/session', {}, { retry: false, refetchInterval: ENTERED_MS });
}

export function may(who: Who, permission: Permission): boolean {
  return who.permissions.includes(permission);
}

export async function logIn(body: LogInBody) {
  await api.POST('/api/session', { body });
  await cache.resetQueries({ queryKey: SESSION });
}

/** In place of a session that has ended. Who it is now is known first: another person gets nothing of this page. */
export async function logInAgain(body: LogInBody) {
  await api.POST('/api/session', { body });
  await cache.invalidateQueries({ queryKey: SESSION });
  await cache.invalidateQueries();
}

/** By a link, to where a password is chosen: by a page that is loaded anew. `code`: of the second factor, if asked for. */
export async function enterBy(link: string, code: string) {
  await api.POST('/api/session', { body: { kind: 'browser', link, code: code || null } });
  location.replace('/console/account');
}

/** The session has another cookie now; the page stays as it is. */
export const sessionChanged = () => cache.invalidateQueries({ queryKey: SESSION });

/** A page that is loaded anew keeps nothing of whoever was logged in. */
export async function logOut() {
  await api.DELETE('/api/session', {}).catch(() => {});
  location.assign('/console/');
}

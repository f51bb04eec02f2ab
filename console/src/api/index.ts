// The one way to the vault: its public REST API, with types from its own description.
import { QueryCache, QueryClient } from '@tanstack/react-query';
import createFetch, { type Middleware } from 'openapi-fetch';
import createQueries from 'openapi-react-query';
import { hearDate } from './clock';
import type { components, paths } from './schema';

export type Shapes = components['schemas'];

/** What the vault answers in place of what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly next: string | null,
  ) {
    super(message);
  }
}

/** Whether it came too late: somebody changed first what it is about. */
export const isLate = (problem: unknown) => problem instanceof Refused && problem.code === 'changed-meanwhile';

/** The header of what a page asks by itself. */
export const UNATTENDED = { 'X-Unattended': '1' };
const ATTENDED_MS = 60_000;
let lastAct = Date.now();
for (const kind of ['keydown', 'pointerdown', 'wheel', 'touchstart']) {
  addEventListener(kind, () => (lastAct = Date.now()), { passive: true, capture: true });
}

const manners: Middleware = {
  onRequest({ request }) {
    // What the page asks while nobody touches it must not keep a session from its idle end.
    if (Date.now() - lastAct > ATTENDED_MS) request.headers.set('X-Unattended', '1');
    return request;
  },
  async onResponse({ response }) {
    hearDate(response.headers.get('date'));
    if (response.ok) return response;
    throw await refusal(response);
  },
};

export async function refusal(response: Response): Promise<Refused> {
  const body: Partial<Shapes['ErrorBody']> = await response.json().catch(() => ({}));
  const { code = String(response.status), message = response.statusText, do: next = null } = body.error ?? {};
  return new Refused(response.status, code, message, next);
}

/** As long as the command line waits: then it is told that the vault does not answer. */
const ANSWERED_MS = 60_000;
const inTime = (request: Request) => fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(ANSWERED_MS)]) });

export const api = createFetch<paths>({ baseUrl: location.origin, fetch: inTime });
api.use(manners);
export const queries = createQueries(api);

/** Under which the answer to "who is logged in" is kept. */
export const SESSION = ['get', '/api/session'] as const;

export const cache = new QueryClient({
  queryCache: new QueryCache({
    // Whatever is refused for want of a session makes the page ask who is logged in: then it shows the log-in.
    onError: (problem, { queryKey }) => {
      const isOwn = queryKey[1] === SESSION[1];
      if (!isOwn && problem instanceof Refused && problem.status === 401) void cache.invalidateQueries({ queryKey: SESSION });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      networkMode: 'always', // a site without internet is "offline" to a browser
      retry: (times, problem) => !(problem instanceof Refused) && times < 2,
    },
  },
});

/** What a dialog asks before its act gets old while somebody reads it: it is read again for as long as it is shown. */
export const WHILE_SHOWN = { refetchInterval: 5_000 } as const;

/** What pages show of these paths is read anew. Paths of one machine only if it is one of `machines`. */
export function readAgain(prefixes: readonly string[], machines: ReadonlySet<string>) {
  void cache.invalidateQueries({
    predicate: ({ queryKey: [, path, of] }) => {
      if (typeof path !== 'string') return false;
      if (ROW_PATHS.includes(path) && machines.has(machineOf(of))) return true;
      if (machines.size && PLAN_PATHS.includes(path)) return true;
      return prefixes.some((each) => path === each || (path.startsWith(each) && !OF_DIALOGS.test(path)));
    },
  });
}

/** Of one machine: what changes together with its row. */
const ROW_PATHS = ['/api/machines/{machine}', '/api/machines/{machine}/rpo', '/api/machines/{machine}/churn', '/api/machines/{machine}/points', '/api/machines/{machine}/drill/passes'];

/** What says in what state machines are, of plans that may have one that changed. */
const PLAN_PATHS = ['/api/plans', '/api/plans/{plan}', '/api/plans/{plan}/preview'];

/** What a dialog asks before its act. Once that has begun the vault refuses to say it. */
const OF_DIALOGS = /^\/api\/machines\/\{machine\}\/(choices|prediction|preflight|preview|reprotect-preview)$/;

function machineOf(of: unknown): string {
  const asked = of as string | { params?: { path?: { machine?: string } } } | undefined;
  return typeof asked === 'string' ? asked : (asked?.params?.path?.machine ?? '');
}

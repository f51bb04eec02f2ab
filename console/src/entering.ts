// A browser that comes back from a provider: `/console/enter/PROVIDER?code=...&state=...`. What it brings leaves the address
// bar and the history before anything else is done with it.
import { api, type Shapes } from './api';

export type CameBack = Shapes['ProviderReturn'];
const ENTER = /^\/console\/enter\/([a-z0-9-]{1,63})$/;
const HOME = '/console/';
const BACK = 'back';

export const cameBack = takenOut();

function takenOut(): CameBack | undefined {
  const provider = ENTER.exec(location.pathname)?.[1];
  if (!provider) return undefined;
  const query = new URLSearchParams(location.search);
  history.replaceState(null, '', HOME);
  return { provider, state: query.get('state') ?? '', code: query.get('code'), iss: query.get('iss'), error: query.get('error') };
}

/** To the provider; this tab remembers where it was. */
export async function goTo(provider: string) {
  const { data } = await api.POST('/api/log-in/begin', { body: { provider } });
  sessionStorage.setItem(BACK, location.pathname + location.search);
  location.assign(data!.address);
}

/** The session begins, and a page that is loaded anew shows what was looked at before: one of the console's own. */
export async function finish(given: CameBack) {
  await api.POST('/api/log-in/finish', { body: given });
  const back = sessionStorage.getItem(BACK) ?? HOME;
  sessionStorage.removeItem(BACK);
  location.replace(back.startsWith(HOME) ? back : HOME);
}

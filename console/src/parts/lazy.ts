// Parts of the program that are fetched when they are first shown.
import { lazy as once } from 'react';

const PAUSE_MS = 2_000;

/** As React's, which keeps a failure for good: what cannot be fetched while the vault is away is fetched again. One that
 * answers and has no such file was upgraded: then the page says that it is to be loaded again. */
export const lazy: typeof once = (load) => once(() => fetched(load));

async function fetched<Module>(load: () => Promise<Module>): Promise<Module> {
  for (let hasAnswered = false; ; ) {
    try {
      return await load();
    } catch (problem) {
      const isThere = await fetch('/api/health', { cache: 'no-store' }).then((answer) => answer.ok, () => false);
      if (isThere && hasAnswered) throw problem;
      hasAnswered = isThere;
      if (!isThere) await new Promise((go) => setTimeout(go, PAUSE_MS));
    }
  }
}

import type { Plugin } from 'vite';

/** What libraries write that the page's policy forbids, and what is written instead: how often it stands there. */
const REWRITTEN = [
  // The terminal's colours and sizes: an adopted style sheet in place of an inline style (src/ways/adopted-style.ts).
  { file: /@xterm\/xterm\/lib\/xterm\.mjs$/, from: 'createElement("style")', to: 'createElement("adopted-style")', times: 3 },
  // Colours beyond the first sixteen, and the width of odd letters: set by the program, and not as text.
  { file: /@xterm\/xterm\/lib\/xterm\.mjs$/, from: '_addStyle(t,e){t.setAttribute("style",`${t.getAttribute("style")||""}${e};`)}', to: '_addStyle(t,e){t.style.cssText+=e}', times: 1 },
  // The pointer of the other screen is drawn, and no picture at a data: address.
  { file: /@novnc\/novnc\/core\/util\/cursor\.js$/, from: 'const useFallback = !supportsCursorURIs || isTouchDevice;', to: 'const useFallback = true;', times: 1 },
] as const;

/** Has libraries live under the console's policy. A release that is written differently fails the build. */
export function strict(): Plugin {
  const left = new Set<string>(REWRITTEN.map(({ from }) => from));
  return {
    name: 'strict',
    transform(code, id) {
      const rules = REWRITTEN.filter(({ file }) => file.test(id.replaceAll('\\', '/')));
      if (!rules.length) return null;
      for (const { from, to, times } of rules) {
        const parts = code.split(from);
        if (parts.length - 1 !== times) this.error(`${id} has '${from}' ${parts.length - 1} times, not ${times}: look how it lives under the policy now`);
        code = parts.join(to);
        left.delete(from);
      }
      return { code, map: null };
    },
    buildEnd(problem) {
      if (!problem && left.size) this.error(`not in the bundle, and so not rewritten for the policy: ${[...left].join(', ')}`);
    },
  };
}

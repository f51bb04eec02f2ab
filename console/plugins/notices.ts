import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const PACKAGE = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//;

/** Ships the licences of all packages whose code or styles are in the bundle, as notices.txt. */
export function notices(): Plugin {
  const folders = new Map<string, string>();
  return {
    name: 'notices',
    moduleParsed(module) {
      const found = PACKAGE.exec(module.id.replaceAll('\0', ''));
      if (found?.[1] && found[2]) folders.set(found[2], found[1]);
    },
    generateBundle() {
      const source = [...folders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, folder]) => notice(name, folder));
      this.emitFile({ type: 'asset', fileName: 'notices.txt', source: source.join('\n') });
    },
  };
}

function notice(name: string, folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string; license?: string };
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : '';
  return `${name} ${about.version} (${about.license})\n\n${text}\n\n${'-'.repeat(72)}\n`;
}

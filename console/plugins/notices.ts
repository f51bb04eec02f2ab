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
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string; license?: string; homepage?: string };
  const texts = licences(folder).map((file) => readFileSync(file, 'utf8').trim());
  if (about.license?.startsWith('MPL')) texts.unshift(`Its source, before what plugins/strict.ts changes in it: ${about.homepage}`);
  return `${name} ${about.version} (${about.license})\n\n${texts.join('\n\n')}\n\n${'-'.repeat(72)}\n`;
}

/** Its own, and those of what it brings along. */
function licences(folder: string): string[] {
  const brought = ['docs', ...(existsSync(join(folder, 'vendor')) ? readdirSync(join(folder, 'vendor')).map((each) => join('vendor', each)) : [])];
  const isMeant = (each: string) => /^licen[cs]e(\.(txt|md|MPL-2\.0))?$/i.test(each);
  return ['', ...brought].map((each) => join(folder, each)).filter((each) => existsSync(each)).flatMap((each) => readdirSync(each).filter(isMeant).map((file) => join(each, file)));
}

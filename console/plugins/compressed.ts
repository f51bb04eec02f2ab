import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const SMALL_BYTES = 1024;
const PACKED = /\.(woff2|br|gz)$/;

/** Writes NAME.br and NAME.gz beside each file that shrinks: the vault compresses nothing while it serves. */
export function compressed(): Plugin {
  let folder = '';
  return {
    name: 'compressed',
    configResolved: (config) => void (folder = resolve(config.root, config.build.outDir)),
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && !PACKED.test(path)) pack(path);
      }
    },
  };
}

function pack(path: string) {
  const content = readFileSync(path);
  if (content.length < SMALL_BYTES) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}

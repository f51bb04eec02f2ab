import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './plugins/compressed.ts';
import { notices } from './plugins/notices.ts';
import { strict } from './plugins/strict.ts';

// The page lives under a policy that allows no inline script and no data: address (docs/guide/console.md): so nothing
// is inlined, and no helper is injected.
export default defineConfig({
  base: '/console/',
  plugins: [strict(), react(), notices(), compressed()],
  build: {
    outDir: '../src/secondsite/api/built_console',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
  },
});

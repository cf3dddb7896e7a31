// How the console is built, tested and served while one works on it. Rule: the same input gives the same bytes, and
// nothing is inlined that the server's Content-Security-Policy would refuse.
import { defineConfig } from 'vitest/config';
import type { ProxyOptions } from 'vite';

// The server that `npm run dev` and `npm run preview` forward to.
const server = process.env['MODEHOST'] ?? 'http://localhost:8003';

// The server answers pages of its own origin only; here the page comes from Vite, so the header is taken off.
const forward: ProxyOptions = {
  target: server,
  configure(proxy) {
    proxy.on('proxyReq', (request) => request.removeHeader('origin'));
  },
};
const proxy = { '/api': forward, '/xiaozhi': forward, '/metrics': forward, '/readyz': forward };

// What the server will send with every page.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self' ws: wss:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// The editor and its library are large and fetched when they are opened: their files are named so that
// scripts/compress.mjs can count them apart.
const EDITOR = '/src/pages/editor/index.tsx';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
    rolldownOptions: {
      output: {
        chunkFileNames: ({ facadeModuleId }) =>
          facadeModuleId?.endsWith(EDITOR) ? 'assets/editor-[hash].js' : 'assets/[name]-[hash].js',
        assetFileNames: ({ originalFileNames }) =>
          originalFileNames.some((name) => name.includes('pages/editor/'))
            ? 'assets/editor-[hash][extname]'
            : 'assets/[name]-[hash][extname]',
      },
    },
  },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
  test: { include: ['src/**/*.test.ts'], environment: 'node', pool: 'threads', isolate: false },
});

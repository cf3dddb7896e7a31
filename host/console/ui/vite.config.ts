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
  },
  worker: { format: 'es' },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
  test: { include: ['src/**/*.test.ts'], environment: 'node', pool: 'threads', isolate: false },
});

// A stream that is kept open: ends, failures, silence.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepOpen, NO_ROUTE, type StreamState } from './stream';

interface Served {
  controller: ReadableStreamDefaultController<Uint8Array>;
}

let served: Served[] = [];
let answers: (() => Response | Promise<Response>)[] = [];
let states: StreamState[] = [];
let shown: object[] = [];
let close: () => void = () => undefined;

const open = (): Response =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        served.push({ controller });
      },
    }),
  );
const refuse = (status: number, error: string) => (): Response => Response.json({ error }, { status });
const send = (text: string): void => served.at(-1)?.controller.enqueue(new TextEncoder().encode(text));

beforeEach(() => {
  vi.useFakeTimers();
  served = [];
  answers = [];
  states = [];
  shown = [];
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    const answer = answers.shift() ?? open;
    return new Promise<Response>((resolve, reject) => {
      init.signal?.addEventListener('abort', () => {
        const last = served.at(-1);
        reject(new DOMException('aborted', 'AbortError'));
        try {
          last?.controller.error(new DOMException('aborted', 'AbortError'));
        } catch {
          // It has ended already.
        }
      });
      Promise.resolve(answer()).then(resolve, reject);
    });
  });
});

afterEach(() => {
  close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const start = (): void => {
  close = keepOpen({
    path: '/api/v1/feed',
    show: (value) => shown.push(value),
    state: (state) => states.push(state),
  });
};

test('lines are shown, and a stream that breaks is opened again after a pause', async () => {
  start();
  await vi.advanceTimersByTimeAsync(10);
  send('{"a":1}\n{"b"');
  await vi.advanceTimersByTimeAsync(10);
  expect(shown).toEqual([{ a: 1 }]);
  served.at(-1)?.controller.close();
  await vi.advanceTimersByTimeAsync(100);
  expect(states).toEqual(['connecting', 'live', 'lost']);
  await vi.advanceTimersByTimeAsync(2000);
  expect(states.at(-1)).toBe('live');
  send('{"c":3}\n');
  await vi.advanceTimersByTimeAsync(10);
  expect(shown).toEqual([{ a: 1 }, { c: 3 }]);
});

test('an announced end is followed at once', async () => {
  start();
  await vi.advanceTimersByTimeAsync(5000);
  send('{"type":"end","why":"ask again"}\n');
  served.at(-1)?.controller.close();
  await vi.advanceTimersByTimeAsync(10);
  expect(states).toEqual(['connecting', 'live', 'live']);
  expect(served).toHaveLength(2);
});

test('a server that does not answer is asked again, ever more seldom', async () => {
  answers = Array.from({ length: 100 }, () => () => Promise.reject(new TypeError('no network')));
  start();
  await vi.advanceTimersByTimeAsync(120_000);
  const tries = 100 - answers.length;
  expect(states.filter((state) => state === 'live')).toHaveLength(0);
  expect(tries).toBeGreaterThan(7);
  expect(tries).toBeLessThan(16);
});

test('a stream that sends nothing for 30 s is dead; blank lines keep it alive', async () => {
  start();
  await vi.advanceTimersByTimeAsync(25_000);
  send('\n');
  await vi.advanceTimersByTimeAsync(25_000);
  expect(states.at(-1)).toBe('live');
  await vi.advanceTimersByTimeAsync(6_000);
  expect(states).toContain('lost');
});

test('a route that is not there, and a server that says no, are final', async () => {
  answers = [refuse(404, NO_ROUTE)];
  start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states).toEqual(['connecting', 'absent']);
  close();
  states = [];
  answers = [refuse(404, 'there is no plugin `x`')];
  start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states).toEqual(['connecting', 'ended']);
});

test('a server that is full is asked again', async () => {
  answers = [refuse(503, 'others observe this server already')];
  start();
  await vi.advanceTimersByTimeAsync(2000);
  expect(states).toEqual(['connecting', 'lost', 'live']);
});

test('closing ends everything', async () => {
  start();
  await vi.advanceTimersByTimeAsync(10);
  close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states).toEqual(['connecting', 'live']);
  expect(served).toHaveLength(1);
});

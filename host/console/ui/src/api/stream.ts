// A stream of /api/v1 that is kept open. Rule: it may end at any time and is opened again after 1 to 15 s, longer each
// time; one that sends nothing for 30 s counts as ended; one that ends as announced, after a while, is opened at once.
import { ApiError, send } from './client';
import { readObjects } from './ndjson';

export type StreamState = 'connecting' | 'live' | 'lost' | 'absent' | 'ended';

export interface StreamOptions {
  path: string;
  /** Called for each object. */
  show: (value: object) => void;
  /** Called when the state changes; with the failure if there is one. */
  state: (state: StreamState, failure: ApiError | null) => void;
}

const SILENCE_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

/** The pause before a further try: doubled each time, and never the same for two pages. */
export function pauseBefore(attempt: number, random: number = Math.random()): number {
  const base = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.max(FIRST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, base * (0.8 + 0.4 * random)));
}

/** Opens a stream and keeps it open until the returned function is called. */
export function keepOpen(options: StreamOptions): () => void {
  const closed = new AbortController();
  void run(options, closed.signal);
  return () => closed.abort();
}

async function run(options: StreamOptions, closed: AbortSignal): Promise<void> {
  let attempt = 0;
  options.state('connecting', null);
  while (!closed.aborted) {
    const seen = { anything: false, end: false };
    const began = Date.now();
    let failure: ApiError | null = null;
    try {
      await once(options, closed, seen);
    } catch (error) {
      failure = error instanceof ApiError ? error : new ApiError(0, '');
    }
    if (closed.aborted) return;
    const lasted = Date.now() - began > FIRST_PAUSE_MS;
    if (lasted && seen.anything) attempt = 0;
    if (lasted && seen.end) continue;
    if (failure && isFinal(failure)) {
      options.state(failure.status === 404 && failure.sentence === NO_ROUTE ? 'absent' : 'ended', failure);
      return;
    }
    options.state('lost', failure);
    await pause(pauseBefore(attempt), closed);
    attempt += 1;
  }
}

/** What a server says of a route that it does not have. */
export const NO_ROUTE = 'no such route';

// A server that is full (429, 503) or away may answer later; one that says no will say it again.
function isFinal(failure: ApiError): boolean {
  return failure.status >= 400 && failure.status < 500 && failure.status !== 429;
}

async function once(
  options: StreamOptions,
  closed: AbortSignal,
  seen: { anything: boolean; end: boolean },
): Promise<void> {
  const own = new AbortController();
  const stop = (): void => own.abort();
  closed.addEventListener('abort', stop);
  let timer = setTimeout(stop, SILENCE_MS);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(stop, SILENCE_MS);
  };
  try {
    const response = await send(options.path, { signal: own.signal });
    if (!response.body) return;
    options.state('live', null);
    const show = (value: object): void => {
      seen.anything = true;
      if ((value as { type?: unknown }).type === 'end') seen.end = true;
      options.show(value);
    };
    await readObjects(response.body, show, alive);
  } finally {
    clearTimeout(timer);
    closed.removeEventListener('abort', stop);
    own.abort();
  }
}

/** Waits; ends early if the signal does. */
export function pause(ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      closed.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    closed.addEventListener('abort', end);
    if (closed.aborted) end();
  });
}

// A value that a page asks for again and again. Rule: only while the page is shown and visible; what was last known
// stays while a call fails; a server that answers slowly is asked more seldom, and the same answer again costs nothing.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, access, getAnswer } from './client';

export interface Polled<T> {
  value: T | null;
  failure: ApiError | null;
  /** Nodes whose rows are missing in the value. */
  unanswered: readonly string[];
  /** Asks at once. */
  again: () => void;
}

const NONE: readonly string[] = [];

/** How soon it is tried again while the page is busy. */
const BUSY_MS = 500;

/** Asks for a path every so many ms; 0: once. Not while the page is `busy`, with scrolling for example. */
export function usePolled<T>(target: string, every: number, busy?: () => boolean): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [unanswered, setUnanswered] = useState(NONE);
  const ask = useRef<() => void>(() => undefined);
  useEffect(() => {
    const closed = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    let wanted = false;
    let asked = false;
    let last: string | null = null;
    const next = (took: number): void => {
      if (every > 0 && !closed.signal.aborted) timer = setTimeout(due, Math.max(every, took * 10));
    };
    const due = (): void => {
      if (busy?.()) timer = setTimeout(due, BUSY_MS);
      else now();
    };
    const now = (): void => {
      clearTimeout(timer);
      // Somebody has changed something meanwhile: the answer on its way may be older than that.
      if (asking) wanted = true;
      if (asking || closed.signal.aborted) return;
      if (document.hidden) return next(0);
      asked = true;
      asking = true;
      const began = performance.now();
      getAnswer(target, closed.signal)
        .then(({ text, unanswered: names }) => {
          if (text !== last) setValue(JSON.parse(text) as T);
          last = text;
          setUnanswered((before) => (before.join() === names.join() ? before : names));
          setFailure(null);
        })
        .catch((error: unknown) => {
          if (!closed.signal.aborted) setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
        })
        .finally(() => {
          asking = false;
          const again = wanted;
          wanted = false;
          if (again) now();
          else if (access.value.state === 'open') next(performance.now() - began);
        });
    };
    const visible = (): void => {
      // What is asked for once is asked for as soon as the page is seen.
      if (!document.hidden && (every > 0 || !asked)) now();
    };
    ask.current = now;
    document.addEventListener('visibilitychange', visible);
    setValue(null);
    setFailure(null);
    setUnanswered(NONE);
    now();
    return () => {
      document.removeEventListener('visibilitychange', visible);
      clearTimeout(timer);
      closed.abort();
    };
  }, [target, every]);
  return { value, failure, unanswered, again: () => ask.current() };
}

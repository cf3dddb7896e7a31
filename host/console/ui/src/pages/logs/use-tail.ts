// Following a log. Rule: asked for only while one follows it and the page is visible, each line once; what is known
// stays while a call fails, and a server that answers slowly or not is asked more seldom.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, access, get, path } from '../../api/client';
import {
  EMPTY,
  firstOf,
  isFull,
  isRestarted,
  joined,
  type Line,
  type LinePage,
  LINES_KEPT,
  PAGE_LINES,
  preceded,
  restarted,
  type Tail,
} from './tail';

export type Source = 'logs' | 'audit';

export interface Wanted {
  source: Source;
  /** The least grave level; empty: all. */
  level: string;
  search: string;
}

const EVERY_MS = 2_000;
/** Where more lines are left behind a page. */
const MORE_MS = 200;
const FAILED_MS = 5_000;
/** Pages that hold all that the server keeps. */
const PAGES = LINES_KEPT / PAGE_LINES;

/** The address of the lines after a number; null: of the newest ones. */
export function addressOf({ source, level, search }: Wanted, after: number | null): string {
  const options = new URLSearchParams();
  if (after !== null) options.set('after', String(after));
  if (level !== '') options.set('level', level);
  if (search !== '') options.set('search', search);
  const given = options.toString();
  return given === '' ? path(source) : `${path(source)}?${given}`;
}

function failureOf(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, '');
}

export interface Followed {
  tail: Tail;
  failure: ApiError | null;
  /** Fetches all that the server keeps before the first line; the tail with it. */
  earlier: () => Promise<Tail>;
}

export function useTail(wanted: Wanted, isFollowing: boolean): Followed {
  const [tail, setTail] = useState(EMPTY);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const known = useRef(EMPTY);
  const { source, level, search } = wanted;
  const gone = useRef(new AbortController());
  const keep = (next: Tail): void => {
    known.current = next;
    setTail(next);
  };
  useEffect(() => {
    if (!isFollowing) return undefined;
    const closed = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      if (isAsking || document.hidden) return;
      isAsking = true;
      const began = performance.now();
      let wait = EVERY_MS;
      try {
        const before = known.current;
        const page = await get<LinePage>(addressOf(wanted, before.last), closed.signal);
        if (closed.signal.aborted) return;
        const again = isRestarted(before, page);
        keep(again ? restarted(before) : joined(before, page));
        setFailure(null);
        wait = again || (before.last !== null && isFull(page)) ? MORE_MS : Math.max(EVERY_MS, (performance.now() - began) * 10);
      } catch (error) {
        if (closed.signal.aborted) return;
        setFailure(failureOf(error));
        wait = FAILED_MS;
      } finally {
        isAsking = false;
      }
      if (access.value.state === 'open') timer = setTimeout(() => void ask(), wait);
    };
    const visible = (): void => void ask();
    document.addEventListener('visibilitychange', visible);
    void ask();
    return () => {
      document.removeEventListener('visibilitychange', visible);
      clearTimeout(timer);
      closed.abort();
    };
  }, [source, level, search, isFollowing]);
  useEffect(() => () => gone.current.abort(), []);
  const earlier = useCallback(async (): Promise<Tail> => {
    const first = firstOf(known.current);
    const last = known.current.last;
    if (first === null || last === null) return known.current;
    const lines: Line[] = [];
    let after = Math.max(0, last - LINES_KEPT);
    try {
      for (let pages = 0; pages < PAGES; pages += 1) {
        const page = await get<LinePage>(addressOf(wanted, after), gone.current.signal);
        // Begun anew meanwhile: its lines are no longer those before the first one.
        if (page.last < after) break;
        lines.push(...page.lines);
        after = page.last;
        if (!isFull(page) || after >= first - 1) break;
      }
      setFailure(null);
      keep(preceded(known.current, lines));
    } catch (error) {
      if (!gone.current.signal.aborted) setFailure(failureOf(error));
    }
    return known.current;
  }, [source, level, search]);
  return { tail, failure, earlier };
}

// The lines of a log as they are followed: pages that join, and what is missing between them. Rule: pure; lines stand
// in the order of their numbers, each once, and no more than are kept; what was missed is an entry of its own.

export interface Line {
  seq: number;
  /** Unix time in ms. */
  at: number;
  level: string;
  target: string;
  message: string;
  fields: { [name: string]: unknown };
}

/** What GET /api/v1/logs and /audit answer. */
export interface LinePage {
  lines: Line[];
  last: number;
  missed: number;
}

/** A line, or what happened between two lines. */
export type Entry =
  | { kind: 'line'; key: string; line: Line }
  | { kind: 'missed'; key: string; lines: number }
  | { kind: 'restarted'; key: string };

export interface Tail {
  entries: readonly Entry[];
  /** For `after`; null before the first page. */
  last: number | null;
  /** How often the server has begun anew meanwhile, and with it the numbers. */
  run: number;
  /** Whether there may be lines before the first one. */
  mayHaveEarlier: boolean;
}

/** Lines that the page keeps, as many as the server. */
export const LINES_KEPT = 2_000;

/** Lines that a page of the server has at most. */
export const PAGE_LINES = 500;

export const EMPTY: Tail = { entries: [], last: null, run: 0, mayHaveEarlier: false };

function entryOf(run: number, line: Line): Entry {
  return { kind: 'line', key: `${run}.${line.seq}`, line };
}

/** Whether an answer shows that the server has begun anew: its numbers are lower than those it has given. */
export function isRestarted(tail: Tail, page: LinePage): boolean {
  return tail.last !== null && page.last < tail.last;
}

/** Whether an answer leaves more lines behind it. */
export function isFull(page: LinePage): boolean {
  return page.lines.length >= PAGE_LINES;
}

function bounded(tail: Tail): Tail {
  const excess = tail.entries.length - LINES_KEPT;
  return excess > 0 ? { ...tail, entries: tail.entries.slice(excess), mayHaveEarlier: false } : tail;
}

/** The tail with the page after it; the same one if nothing has come. */
export function joined(tail: Tail, page: LinePage): Tail {
  if (tail.last === null) {
    const entries = page.lines.map((line) => entryOf(tail.run, line));
    return bounded({ ...tail, entries, last: page.last, mayHaveEarlier: isFull(page) });
  }
  const after = tail.last;
  const come = page.lines.filter((line) => line.seq > after).map((line) => entryOf(tail.run, line));
  const missed: Entry[] =
    page.missed > 0 ? [{ kind: 'missed', key: `missed ${tail.run}.${after}`, lines: page.missed }] : [];
  if (come.length === 0 && missed.length === 0) return page.last === after ? tail : { ...tail, last: page.last };
  return bounded({ ...tail, entries: [...tail.entries, ...missed, ...come], last: page.last });
}

/** The tail after a restart of the server: what is known stays, and the numbers begin anew. */
export function restarted(tail: Tail): Tail {
  const run = tail.run + 1;
  const entries: readonly Entry[] =
    tail.entries.length > 0 ? [...tail.entries, { kind: 'restarted', key: `restarted ${run}` }] : [];
  return { entries, last: 0, run, mayHaveEarlier: false };
}

/** The number before which earlier lines are wanted; null if there is no line yet. */
export function firstOf(tail: Tail): number | null {
  const first = tail.entries.find((entry) => entry.kind === 'line');
  return first?.kind === 'line' ? first.line.seq : null;
}

/** The tail with earlier lines before it; there are none before these. */
export function preceded(tail: Tail, lines: readonly Line[]): Tail {
  const first = firstOf(tail) ?? Infinity;
  const earlier = lines.filter((line) => line.seq < first);
  const room = Math.max(0, LINES_KEPT - tail.entries.length);
  const taken = earlier.slice(Math.max(0, earlier.length - room)).map((line) => entryOf(tail.run, line));
  return { ...tail, entries: [...taken, ...tail.entries], mayHaveEarlier: false };
}

/** Rows that are drawn at most. */
export const ROWS_DRAWN = 300;

/** By how many the drawn rows move. */
export const ROWS_MOVED = 200;

/** The number behind an entry; null if it is not there, or none is meant. */
export function endOf(entries: readonly Entry[], key: string | null): number | null {
  const at = key === null ? -1 : entries.findIndex((entry) => entry.key === key);
  return at < 0 ? null : at + 1;
}

/** The rows to draw, ending before `end`; null: with the newest. */
export function drawnOf(entries: number, end: number | null): { first: number; end: number } {
  const until = Math.min(entries, end ?? entries);
  // At the beginning as many as elsewhere.
  const last = Math.min(entries, Math.max(until, ROWS_DRAWN));
  return { first: Math.max(0, last - ROWS_DRAWN), end: last };
}

// The timeline of a watch as data. Rule: bounded; lines of a watch are taken as they are, and what is no known line is
// left out.
import type { Call, Json, Turn, WatchLine } from '../api/types';

/** Entries that are kept. */
export const ENTRIES_KEPT = 500;

export type Entry = { key: number; at: number } & (
  | { kind: 'call'; call: Call; took: number; content: Json }
  | { kind: 'turn'; device: string; turn: Turn }
  | { kind: 'missed'; records: number }
);

export interface Timeline {
  entries: Entry[];
  /** Whether texts are shown; null before the server has said so. */
  dialogue: boolean | null;
  next: number;
}

export const EMPTY: Timeline = { entries: [], dialogue: null, next: 0 };

/** The timeline with one more line. */
export function withLine(before: Timeline, line: object, now: number): Timeline {
  const key = before.next;
  const one = line as WatchLine;
  let entry: Entry | null = null;
  if ('event' in one && typeof one.event === 'string') {
    const took = one.took_us ?? one.us ?? 0;
    entry = { key, at: one.at, kind: 'call', call: one, took, content: one.content ?? one.detail ?? null };
  } else if (one.type === 'begin') {
    return { ...before, dialogue: one.dialogue };
  } else if (one.type === 'turn') {
    entry = { key, at: one.record.at + one.record.total_ms, kind: 'turn', device: one.device, turn: one.record };
  } else if (one.type === 'missed') {
    entry = { key, at: now, kind: 'missed', records: one.records };
  }
  if (!entry) return before;
  return { ...before, entries: [...before.entries, entry].slice(-ENTRIES_KEPT), next: key + 1 };
}

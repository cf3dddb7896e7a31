// What a device does after a connection has ended (PROTOCOL.md, "Close codes"). Rule: pure; a device that was sent away
// does not come back by itself, one that was lost does, ever more slowly.
import type { ConnectionEnd } from './connection';

/** Bounds of the wait before the next attempt, in ms. */
const FIRST_MS = 1_000;
const MOST_MS = 15_000;

export type NextStep =
  /** Connect again after this time. */
  | { readonly type: 'again'; readonly afterMs: number }
  /** The conversation has ended: connect for the next turn. */
  | { readonly type: 'on_demand' }
  /** Only the reader may decide: another tab has taken over, or an operator has closed. */
  | { readonly type: 'stay_away' };

/** `failures`: attempts without success since the last connection that was open. `chance`: 0 to 1, so that many tabs do
 * not come back in the same moment. */
export function nextStep(end: ConnectionEnd, failures: number, chance: number): NextStep {
  const backoff = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  const again: NextStep = { type: 'again', afterMs: Math.round(backoff * (0.8 + 0.2 * chance)) };
  if (end.kind !== 'closed') return again;
  switch (end.code) {
    case 1000:
      return { type: 'on_demand' };
    case 1002:
    case 1007:
    case 1008:
    case 1009:
      return { type: 'stay_away' };
    case 1012:
      // At once, at first: the server's successor accepts connections already.
      return failures === 0 ? { type: 'again', afterMs: Math.round(200 * chance) } : again;
    default:
      return again;
  }
}

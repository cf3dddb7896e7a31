// What follows each close code.
import { describe, expect, it } from 'vitest';
import { nextStep } from './reconnect';

const closed = (code: number) => ({ kind: 'closed', code, reason: '' }) as const;

describe('reconnect', () => {
  it('comes back after a loss, ever more slowly, up to 15 s', () => {
    const waits = [0, 1, 2, 3, 4, 5, 50].map((failures) => nextStep(closed(1006), failures, 1));
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15].map((seconds) => ({ type: 'again', afterMs: seconds * 1000 })));
    expect(nextStep({ kind: 'unreachable' }, 0, 0)).toEqual({ type: 'again', afterMs: 800 });
    expect(nextStep({ kind: 'no_hello' }, 1, 1)).toEqual({ type: 'again', afterMs: 2000 });
  });

  it('comes back at once when the server restarts', () => {
    expect(nextStep(closed(1012), 0, 0.5)).toEqual({ type: 'again', afterMs: 100 });
    expect(nextStep(closed(1012), 1, 1)).toEqual({ type: 'again', afterMs: 2000 });
  });

  it('waits to be asked after an end that was meant', () => {
    expect(nextStep(closed(1000), 0, 1)).toEqual({ type: 'on_demand' });
    for (const code of [1002, 1007, 1008, 1009]) expect(nextStep(closed(code), 0, 1)).toEqual({ type: 'stay_away' });
  });
});

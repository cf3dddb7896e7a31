// What the feed keeps: turns, swaps, pauses.
import { expect, test } from 'vitest';
import { mergeTurns } from './feed';
import { pauseBefore } from './stream';
import { serving, swapsBetween } from './swaps';
import type { DeviceTurn, Generation, GenerationState } from './types';

const turn = (device: string, number: number, at: number): DeviceTurn => ({
  device,
  turn: number,
  at,
  kind: 'typed',
  total_ms: 10,
  outcome: 'answered',
});

test('a turn that is known is not added again, and the list is bounded', () => {
  const known = [turn('a', 1, 100)];
  expect(mergeTurns(known, [turn('a', 1, 100)])).toBe(known);
  const merged = mergeTurns(known, [turn('b', 1, 50), turn('a', 2, 200)], 2);
  expect(merged.map((one) => one.at)).toEqual([100, 200]);
});

const generation = (id: string, number: number | null, state: GenerationState): Generation => ({
  id,
  version: `0.${number ?? 0}.0`,
  generation: number,
  sha8: '',
  file: '',
  state,
  loaded_at: 0,
  calls: 0,
  faults: 0,
  sessions_gone_back: 0,
  modes: [],
  mode_offers: [],
  message_types: [],
  grants: [],
});

test('another generation that serves is a swap; everything else is none', () => {
  const before = [generation('a', 1, 'active'), generation('b', 2, 'active'), generation('gone', 3, 'active')];
  const after = [
    generation('a', 4, 'trial'),
    generation('a', 1, 'fallback'),
    generation('b', 2, 'active'),
    generation('b', 5, 'candidate'),
    generation('new', 6, 'active'),
    generation('', null, 'refused'),
  ];
  expect(swapsBetween(before, after, 7)).toEqual([{ id: 'a', from: 1, to: 4, version: '0.4.0', at: 7 }]);
  expect([...serving(after).keys()]).toEqual(['a', 'b', 'new']);
});

test('pauses grow from 1 s to 15 s', () => {
  expect(pauseBefore(0, 0)).toBe(1000);
  expect(pauseBefore(2, 0.5)).toBe(4000);
  for (let attempt = 0; attempt < 2000; attempt += 7) {
    for (const random of [0, 0.5, 1]) {
      const pause = pauseBefore(attempt, random);
      expect(pause).toBeGreaterThanOrEqual(1000);
      expect(pause).toBeLessThanOrEqual(15_000);
    }
  }
});

// Percentiles, stages, windows of long lists, timelines.
import { expect, test } from 'vitest';
import type { Turn } from '../api/types';
import { EMPTY, ENTRIES_KEPT, withLine } from './calls';
import { axisFor, percentile, stagesOf, summarise } from './stages';
import { rowsBySlot, slotsFor, windowOf } from './virtual';

test('a percentile is a value that occurred', () => {
  expect(percentile([], 0.5)).toBeNull();
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([4, 3, 2, 1], 0.5)).toBe(2);
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 1)).toBe(100);
  expect(percentile(hundred, 0)).toBe(1);
});

const turn = (times: Partial<Turn>): Turn => ({
  turn: 1,
  at: 1,
  kind: 'utterance',
  total_ms: 5000,
  outcome: 'answered',
  ...times,
});

test('stages follow each other up to the first sound', () => {
  const spoken = turn({ recognition_ms: 200, model_first_ms: 300, first_sound_ms: 600 });
  expect(stagesOf(spoken)).toEqual([
    { name: 'text_known', from: 0, to: 200 },
    { name: 'first_token', from: 200, to: 500 },
    { name: 'first_sound', from: 500, to: 600 },
  ]);
  expect(stagesOf(turn({ model_first_ms: 300 }))).toEqual([{ name: 'first_token', from: 0, to: 300 }]);
  // A greeting that was heard before the model had answered: no stage runs backwards.
  expect(stagesOf(turn({ recognition_ms: 100, model_first_ms: 900, first_sound_ms: 400 }))).toEqual([
    { name: 'text_known', from: 0, to: 100 },
    { name: 'first_token', from: 100, to: 400 },
  ]);
  expect(stagesOf(turn({}))).toEqual([]);
});

test('a summary counts only turns that had the stage', () => {
  const all = summarise([turn({ recognition_ms: 100 }), turn({ recognition_ms: 300, first_sound_ms: 700 })]);
  expect(all).toEqual([
    { name: 'text_known', count: 2, half: 100, most: 300 },
    { name: 'first_token', count: 0, half: null, most: null },
    { name: 'first_sound', count: 1, half: 700, most: 700 },
    { name: 'whole', count: 2, half: 5000, most: 5000 },
  ]);
});

test('an axis ends on a round step', () => {
  for (const longest of [0, 1, 9, 10, 99, 640, 1001, 123_456]) {
    const { end, step } = axisFor(longest);
    expect(end).toBeGreaterThanOrEqual(longest);
    expect(end / step).toBeLessThanOrEqual(5);
  }
  expect(axisFor(950)).toEqual({ end: 1000, step: 250 });
});

test('every row in view has a slot of its own', () => {
  for (const rows of [0, 1, 20, 10_000]) {
    const slots = slotsFor(600, 44);
    for (const top of [0, 1, 43, 44, 20_000, 44 * rows, 1e9]) {
      const window = windowOf(top, 600, 44, rows);
      const shown = rowsBySlot(window, slots);
      expect(shown).toHaveLength(slots);
      expect(shown.filter((row) => row >= 0)).toHaveLength(Math.min(rows, slots));
      const first = Math.min(Math.floor(top / 44), Math.max(0, rows - Math.ceil(600 / 44)));
      for (let row = first; row < Math.min(rows, first + Math.ceil(600 / 44)); row += 1) expect(shown).toContain(row);
    }
  }
});

test('a row keeps its slot while it stays in view', () => {
  const slots = slotsFor(600, 44);
  const before = rowsBySlot(windowOf(44 * 100, 600, 44, 10_000), slots);
  const after = rowsBySlot(windowOf(44 * 101, 600, 44, 10_000), slots);
  expect(after.filter((row, slot) => row !== before[slot])).toHaveLength(1);
});

test('a timeline takes calls, turns and gaps, and is bounded', () => {
  const call = { type: 'call', at: 1, device: 'd', plugin: 'p', generation: 1, version: '1', event: 'text' };
  let all = withLine(EMPTY, { type: 'begin', dialogue: false }, 0);
  expect(all.dialogue).toBe(false);
  all = withLine(all, { ...call, effects: [], took_us: 12, memory_bytes: 3, content: { a: 1 } }, 0);
  all = withLine(all, { ...call, type: undefined, effects: [], us: 13, memory_bytes: 3 }, 0);
  all = withLine(all, { type: 'turn', device: 'd', record: turn({}) }, 0);
  all = withLine(all, { type: 'missed', records: 4 }, 9);
  all = withLine(all, { type: 'something new' }, 9);
  expect(all.entries.map((one) => one.kind)).toEqual(['call', 'call', 'turn', 'missed']);
  expect(all.entries.map((one) => (one.kind === 'call' ? one.took : 0))).toEqual([12, 13, 0, 0]);
  for (let index = 0; index < 2 * ENTRIES_KEPT; index += 1) all = withLine(all, { type: 'missed', records: 1 }, 0);
  expect(all.entries).toHaveLength(ENTRIES_KEPT);
  expect(new Set(all.entries.map((one) => one.key)).size).toBe(ENTRIES_KEPT);
});

// Charts from the history of the server.
import { expect, test } from 'vitest';
import { aligned, ceilingOf, type History, planned, reading, rowsOf, samplesOf, spanOf, stepsOf, timesOf } from './figures';
import { share } from './units';

const history = (series: History['series'], until = 100_000): History => ({ interval_s: 10, until, series });
const figure = (name: string, ...values: (number | null)[]) => ({ name, unit: 'count', values });

test('figures stand together in charts, and unknown ones at the end', () => {
  const groups = planned(history([figure('sessions', 1), figure('novel', 1), figure('connected', 1), figure('cpu', 0)]));
  expect(groups.map(([group, plans]) => `${group}: ${plans.map((plan) => plan.name).join()}`)).toEqual([
    'people: devices',
    'machine: cpu',
    'other: novel',
  ]);
  expect(groups[0]?.[1][0]?.series.map((one) => one.name)).toEqual(['connected', 'sessions']);
});

test('before the first sample there is nothing', () => {
  expect(samplesOf(history([], 0))).toBe(0);
  expect(samplesOf(history([figure('cpu')], 0))).toBe(0);
  expect(timesOf(history([figure('cpu')], 0))).toEqual([]);
});

test('times end with the last sample, ten seconds apart', () => {
  expect(timesOf(history([figure('cpu', 1, null, 2)]))).toEqual([80, 90, 100]);
  expect(aligned([1, 2], 4)).toEqual([null, null, 1, 2]);
  expect(aligned([1, 2, 3], 2)).toEqual([2, 3]);
  expect(aligned([1], 0)).toEqual([]);
});

test('a figure in a few numbers, where null is no zero', () => {
  expect(reading([null, null])).toBeNull();
  expect(reading([])).toBeNull();
  expect(reading([null, 3, null, 5, null])).toEqual({ last: null, lastAt: 3, least: 3, most: 5, sum: 8 });
  expect(reading([2, 0])).toMatchObject({ last: 0, least: 0 });
});

test('axes begin at zero, and next to nothing stays low', () => {
  expect(ceilingOf('count', 0)).toBe(4);
  expect(ceilingOf('share', 0.003)).toBe(0.1);
  expect(ceilingOf('ms', 1000)).toBeCloseTo(1080);
  expect(ceilingOf('constructor', 0)).toBe(1);
  expect(spanOf([990, 1000])).toEqual([400, 1000]);
  expect(spanOf([0, 3600])).toEqual([0, 3600]);
});

test('lines of axes are at whole things and powers of two', () => {
  expect(stepsOf('count')?.slice(0, 4)).toEqual([1, 2, 5, 10]);
  expect(stepsOf('bytes')).toContain(64 * 1024 * 1024);
  expect(stepsOf('ms')).toBeNull();
});

test('the newest values come first, and not all of them', () => {
  const rows = rowsOf([1, 2, 3], [[1, null, 3], [4, 5, 6]], 2);
  expect(rows).toEqual([
    { at: 3, values: [3, 6] },
    { at: 2, values: [null, 5] },
  ]);
});

test('a share is per cent of one core', () => {
  expect(share(0, 'en')).toBe('0\u00a0%');
  expect(share(0.004, 'en')).toBe('0.4\u00a0%');
  expect(share(0.0999, 'en')).toBe('10\u00a0%');
  expect(share(2.345, 'en')).toBe('235\u00a0%');
});

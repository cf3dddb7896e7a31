// Following a log: pages that join, what is missing, and lines as text.
import { expect, test } from 'vitest';
import { actOf, entriesText, fieldText, lineText, oneLine } from './line-text';
import {
  drawnOf,
  EMPTY,
  endOf,
  firstOf,
  isRestarted,
  joined,
  type Line,
  type LinePage,
  LINES_KEPT,
  PAGE_LINES,
  preceded,
  restarted,
  ROWS_DRAWN,
  type Tail,
} from './tail';
import { addressOf } from './use-tail';

const line = (seq: number, fields: Line['fields'] = {}): Line => ({
  seq,
  at: 0,
  level: 'info',
  target: 'a::b',
  message: `line ${seq}`,
  fields,
});

const page = (from: number, to: number, missed = 0): LinePage => ({
  lines: Array.from({ length: to - from + 1 }, (_, at) => line(from + at)),
  last: to,
  missed,
});

const shown = ({ entries }: Tail): string =>
  entries.map((one) => (one.kind === 'line' ? one.line.seq : one.kind === 'missed' ? `-${one.lines}-` : '*')).join(' ');

test('pages join, each line once', () => {
  let tail = joined(EMPTY, page(3, 5));
  expect([shown(tail), tail.last, tail.mayHaveEarlier]).toEqual(['3 4 5', 5, false]);
  tail = joined(tail, page(5, 7));
  expect([shown(tail), tail.last]).toEqual(['3 4 5 6 7', 7]);
  expect(joined(tail, { lines: [], last: 7, missed: 0 })).toBe(tail);
  const later = joined(tail, { lines: [], last: 9, missed: 0 });
  expect([later.last, later.entries]).toEqual([9, tail.entries]);
});

test('what was missed is said where it is missing', () => {
  const tail = joined(joined(EMPTY, page(1, 2)), page(10, 11, 7));
  expect(shown(tail)).toBe('1 2 -7- 10 11');
});

test('a restart of the server is seen by its numbers, and what is known stays', () => {
  const tail = joined(EMPTY, page(40, 41));
  const next = { lines: [], last: 3, missed: 0 };
  expect(isRestarted(tail, next)).toBe(true);
  expect(isRestarted(tail, page(41, 41))).toBe(false);
  expect(isRestarted(EMPTY, next)).toBe(false);
  const anew = joined(restarted(tail), page(1, 3));
  expect([shown(anew), anew.last]).toEqual(['40 41 * 1 2 3', 3]);
  expect(new Set(anew.entries.map((one) => one.key)).size).toBe(anew.entries.length);
  expect(shown(restarted(joined(EMPTY, { lines: [], last: 9, missed: 0 })))).toBe('');
});

test('no more lines are kept than the server keeps', () => {
  let tail = joined(EMPTY, page(1, PAGE_LINES));
  expect(tail.mayHaveEarlier).toBe(true);
  for (let at = 1; at < 6; at += 1) tail = joined(tail, page(at * PAGE_LINES + 1, (at + 1) * PAGE_LINES));
  expect([tail.entries.length, firstOf(tail), tail.mayHaveEarlier]).toEqual([LINES_KEPT, 1001, false]);
});

test('earlier lines come before, as many as there is room for', () => {
  const tail = preceded(joined(EMPTY, page(1501, 2000)), page(1, 1600).lines);
  expect([tail.entries.length, firstOf(tail), tail.mayHaveEarlier]).toEqual([LINES_KEPT, 1, false]);
  expect(preceded(tail, [line(0)]).entries).toHaveLength(LINES_KEPT);
  expect(shown(preceded(joined(EMPTY, page(3, 4)), page(1, 3).lines))).toBe('1 2 3 4');
  expect(firstOf(EMPTY)).toBeNull();
});

test('a few hundred rows are drawn, whatever is kept', () => {
  expect(drawnOf(10, null)).toEqual({ first: 0, end: 10 });
  expect(drawnOf(1000, null)).toEqual({ first: 1000 - ROWS_DRAWN, end: 1000 });
  expect(drawnOf(1000, 500)).toEqual({ first: 500 - ROWS_DRAWN, end: 500 });
  expect(drawnOf(1000, 20)).toEqual({ first: 0, end: ROWS_DRAWN });
  const { entries } = joined(EMPTY, page(1, 3));
  expect([endOf(entries, entries[1]?.key ?? null), endOf(entries, 'no'), endOf(entries, null)]).toEqual([2, null, null]);
});

test('a line is one line of text', () => {
  expect(lineText(line(1, { device: 'aa', n: 3, why: 'two words', list: [1] }))).toBe(
    '1970-01-01T00:00:00.000Z INFO  a::b: line 1 device=aa n=3 why="two words" list=[1]',
  );
  expect(oneLine('a\nb\tc\u0007\u2028')).toBe('a\\nb\\tc\\u0007\\u2028');
  expect(fieldText('x', '')).toBe('x=""');
  const { entries } = joined(joined(EMPTY, page(1, 1)), page(5, 5, 3));
  const text = entriesText(entries, { missed: (lines) => `${lines} missing`, restarted: 'anew' });
  expect(text.split('\n')[1]).toBe('# 3 missing');
  expect(text.endsWith('line 5\n')).toBe(true);
});

test('a line of the audit says who did what', () => {
  const act = { from: '127.0.0.1', method: 'PUT', path: '/api/v1/x', outcome: 'ok' };
  expect(actOf(line(1, { ...act, status: 200 }))).toEqual(act);
  expect(actOf(line(1, { ...act, path: 3 }))).toBeNull();
});

test('addresses ask for what is wanted', () => {
  expect(addressOf({ source: 'logs', level: '', search: '' }, null)).toBe('/api/v1/logs');
  expect(addressOf({ source: 'logs', level: 'warn', search: 'a&b' }, 7)).toBe('/api/v1/logs?after=7&level=warn&search=a%26b');
  expect(addressOf({ source: 'audit', level: '', search: '' }, 0)).toBe('/api/v1/audit?after=0');
});

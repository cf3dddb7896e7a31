// Line ends of the file.
import { expect, test } from 'vitest';
import { hasCarriageReturns, toPage, toServer } from './text';

test('a file that is not changed goes back as it came', () => {
  for (const text of ['', 'a: 1\nb: 2\n', 'a: 1\r\nb: 2\r\n', 'a: 1']) {
    expect(toServer(toPage(text), hasCarriageReturns(text))).toBe(text);
  }
});

test('in the page every line ends alike', () => {
  expect(toPage('a\r\nb\rc\nd')).toBe('a\nb\nc\nd');
});

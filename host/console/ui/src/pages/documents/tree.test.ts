// What a folded value says of itself.
import { expect, test } from 'vitest';
import { isScalar, readJson } from './json';
import { previewOf } from './tree';

test('a folded value begins with its first single values', () => {
  const preview = (source: string): string => {
    const value = readJson(source);
    return isScalar(value) ? '' : previewOf(value);
  };
  expect(preview('{"a":1,"b":"x","c":[1],"d":2}')).toBe('a: 1 · b: x');
  expect(preview('["x",null,{}]')).toBe('x · null');
  expect(preview('[[1]]')).toBe('');
  expect(preview(JSON.stringify({ a: '😀'.repeat(60) }))).toBe(`a: ${'😀'.repeat(40)}…`);
  expect(preview(JSON.stringify(['y'.repeat(60)]))).toBe(`${'y'.repeat(40)}…`);
});

// Tries that are kept: of whom, how many, and their sounds.
import { expect, test } from 'vitest';
import { keyOf, shortened, TRIES_KEPT, type Tried, withOf, withTry } from './tries';
import type { Provider } from './types';

const tried = (at: number, sound: Blob | null = null): Tried => ({
  at,
  with: 'm',
  what: 'w',
  lengthMs: null,
  firstMs: 1,
  tookMs: 2,
  text: '',
  error: null,
  sound,
});

test('the newest come first, few are kept, and one sound', () => {
  const sound = new Blob(['x']);
  let all = withTry(new Map(), 'a', tried(0));
  for (let at = 1; at < 9; at += 1) all = withTry(all, 'a', tried(at, sound));
  all = withTry(all, 'b', tried(99));
  expect(all.get('a')?.map((one) => one.at)).toEqual([8, 7, 6, 5, 4]);
  expect(all.get('a')).toHaveLength(TRIES_KEPT);
  expect(all.get('a')?.filter((one) => one.sound)).toHaveLength(1);
  expect(all.get('a')?.[0]?.sound).toBe(sound);
  expect(all.get('b')).toHaveLength(1);
});

test('tries are compared by alias, and across recognisers', () => {
  const provider = (kind: Provider['kind'], name: string, model: string | null): Provider => ({
    kind,
    name,
    model,
    address: null,
    purposes: [],
    state: 'well',
    setting: '',
  });
  expect(keyOf(provider('model', 'fast', 'm'))).not.toBe(keyOf(provider('model', 'slow', 'm')));
  expect(keyOf(provider('recogniser', 'one', null))).toBe(keyOf(provider('recogniser', 'other', null)));
  expect(withOf(provider('model', 'fast', 'm-1'))).toBe('m-1');
  expect(withOf(provider('voice', 'espeak', null))).toBe('espeak');
  expect(withOf(provider('voice', 'openai', 'v, alloy'))).toBe('openai, v, alloy');
});

test('a text is shortened between characters', () => {
  expect(shortened(' a\n\n b ')).toBe('a b');
  expect(shortened('😀'.repeat(99))).toBe(`${'😀'.repeat(59)}…`);
  expect(shortened('x'.repeat(60))).toHaveLength(60);
});

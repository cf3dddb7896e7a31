// Both languages of the editor: the same keys, nothing empty.
import { expect, test } from 'vitest';
import { en } from './words';
import { zh } from './words.zh';

type Leaf = readonly [key: string, value: unknown];

function leaves(value: object, before = ''): Leaf[] {
  return Object.entries(value).flatMap(([key, one]: [string, unknown]): Leaf[] =>
    typeof one === 'object' && one !== null ? leaves(one, `${before}${key}.`) : [[before + key, one]],
  );
}

test('both languages have the same keys in the same order', () => {
  const keys = (table: object): string[] => leaves(table).map(([key, value]) => `${key}: ${typeof value}`);
  expect(keys(zh)).toEqual(keys(en));
});

test('no text is empty, functions say what they are given, and the Chinese is Chinese', () => {
  for (const [table, own] of [[en, /\S/], [zh, /\p{Script=Han}/u]] as const) {
    for (const [key, value] of leaves(table)) {
      const given = typeof value === 'function' ? Array.from({ length: value.length }, (_, index) => `‹${index}›`) : [];
      const said: unknown = typeof value === 'function' ? (value as (...all: string[]) => unknown)(...given) : value;
      expect(typeof said === 'string' && own.test(said), key).toBe(true);
      if (given.length > 0) expect(said, key).toContain('‹');
    }
  }
});

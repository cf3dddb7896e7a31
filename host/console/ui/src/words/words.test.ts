// Both languages: same keys, nothing empty, every function says what it is given.
import { expect, test } from 'vitest';
import { en } from './en';
import { localeFor } from './format';
import { languageOf } from './index';
import { zh } from './zh';

type Leaf = readonly [key: string, value: unknown];

function leaves(value: object, before = ''): Leaf[] {
  return Object.entries(value).flatMap(([key, one]: [string, unknown]): Leaf[] => {
    const name = before ? `${before}.${key}` : key;
    return typeof one === 'object' && one !== null ? leaves(one, name) : [[name, one]];
  });
}

const kinds = (table: object): string[] => leaves(table).map(([key, value]) => `${key}: ${typeof value}`);

test('both languages have the same keys in the same order', () => {
  expect(kinds(zh)).toEqual(kinds(en));
});

test('no text is empty, and functions say what they are given', () => {
  for (const table of [en, zh]) {
    for (const [key, value] of leaves(table)) {
      if (typeof value === 'function') {
        const given = Array.from({ length: value.length }, (_, index) => `‹${index}›`);
        const said: unknown = (value as (...all: string[]) => unknown)(...given);
        expect(typeof said === 'string' && said.includes('‹'), key).toBe(true);
      } else {
        expect(typeof value === 'string' && value.trim().length > 0, key).toBe(true);
      }
    }
  }
});

test('the Chinese is Chinese', () => {
  const latin = ['turns.half', 'turns.most'];
  for (const [key, value] of leaves(zh)) {
    if (typeof value === 'string' && !latin.includes(key)) expect(/\p{Script=Han}/u.test(value), key).toBe(true);
  }
});

test('the language is the first of a browser’s that there is', () => {
  expect(languageOf(['zh-CN', 'en'])).toBe('zh');
  expect(languageOf(['fr', 'en-GB', 'zh'])).toBe('en');
  expect(languageOf(['fr', 'zh-TW'])).toBe('zh');
  expect(languageOf([])).toBe('en');
});

test('times are those of the reader’s own locale, where it fits', () => {
  expect(localeFor('en', ['zh-CN', 'en-GB'])).toBe('en-GB');
  expect(localeFor('zh', ['en-US'])).toBe('zh-CN');
});

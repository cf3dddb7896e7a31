// Completion by the schema that the server itself has.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { aboutAt, offersAt } from './offers';
import { schemasAt, type Schema, valuesOf } from './schema';

const schema = JSON.parse(readFileSync(new URL('../../../../../../config/schema.json', import.meta.url), 'utf8')) as Schema;

/** What is offered at `^`. */
function at(marked: string): string[] {
  const cursor = marked.indexOf('^');
  return (offersAt(schema, marked.replace('^', ''), cursor)?.offers ?? []).map((one) => one.label);
}

test('keys of the root and of sections, without those that are there', () => {
  expect(at('^')).toEqual(expect.arrayContaining(['server', 'llm', 'plugins', 'log']));
  const log = at('log:\n  level: info\n  ^\n  dir: /x');
  expect(log).toContain('format');
  expect(log).not.toContain('level');
  expect(log).not.toContain('dir');
  expect(at('log:\n  le^vel: info')).toContain('level');
});

test('keys behind names that operators choose, and behind "or null"', () => {
  expect(at('llm:\n  aliases:\n    default:\n      ^')).toEqual(expect.arrayContaining(['base_url', 'api_key', 'model']));
  expect(at('llm: { aliases: { mine: { ^ } } }')).toContain('base_url');
  expect(at('server:\n  tls:\n    ^')).toEqual(['certificate', 'key']);
  expect(at('device_alias:\n  ^')).toEqual([]);
});

test('values of enumerations and of yes or no', () => {
  expect(at('log:\n  format: ^')).toEqual(['text', 'json']);
  expect(at('log: { format: j^ }')).toEqual(['text', 'json']);
  expect(at('session:\n  language: ^')).toEqual(['zh', 'en']);
  expect(at('operators:\n  show_dialogue: ^')).toEqual(['true', 'false']);
  expect(at('auth:\n  methods: [^]')).toEqual(at('auth:\n  methods:\n    - ^'));
  expect(at('auth:\n  methods: [^]').length).toBeGreaterThan(0);
  expect(at('server:\n  port: ^')).toEqual([]);
  expect(at('# ^')).toEqual([]);
});

test('a key is written with what follows it', () => {
  const text = (marked: string, label: string): string | undefined => {
    const cursor = marked.indexOf('^');
    return offersAt(schema, marked.replace('^', ''), cursor)?.offers.find((one) => one.label === label)?.text;
  };
  expect(text('log:\n  ^', 'level')).toBe('level: ');
  expect(text('^', 'log')).toBe('log:\n  ');
  expect(text('plugins:\n  ^', 'limits')).toBe('limits:\n    ');
  expect(text('plugins: { ^ }', 'limits')).toBe('limits: ');
  expect(text('l^og: {}', 'log')).toBe('log');
});

test('the setting at the cursor is described', () => {
  const text = 'log:\n  format: text\n  nonsense: 1\n';
  expect(aboutAt(schema, text, text.indexOf('mat'))?.path).toBe('log.format');
  expect(aboutAt(schema, text, text.indexOf('text'))?.description).toMatch(/Default/);
  expect(aboutAt(schema, text, text.indexOf('sense'))).toBeNull();
  expect(aboutAt(schema, text, 0)?.path).toBe('log');
});

test('words that YAML would take for something else are quoted', () => {
  expect(valuesOf([{ enum: ['on', 'a b', '1', 'plain', 2], default: 'plain' }])).toEqual([
    { text: '"on"', description: '', byDefault: false },
    { text: '"a b"', description: '', byDefault: false },
    { text: '"1"', description: '', byDefault: false },
    { text: 'plain', description: '', byDefault: true },
    { text: '2', description: '', byDefault: false },
  ]);
});

test('a schema without end ends', () => {
  const loop: Schema = { $ref: '#', anyOf: [{ $ref: '#' }, { $ref: '#' }], properties: { a: { $ref: '#' } } };
  expect(schemasAt(loop, ['a', 'a', 'a']).length).toBeGreaterThan(0);
  expect(schemasAt({ properties: {} }, ['constructor', 'x'])).toEqual([]);
});

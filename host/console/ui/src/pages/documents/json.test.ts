// JSON that is read and written again.
import { expect, test } from 'vitest';
import { DEPTH, member, readJson, textOf, writeJson } from './json';

const compact = (source: string): string => writeJson(readJson(source), '');

test('numbers keep every digit', () => {
  const source = '[9007199254740993,-0,1.10,1e400,0.1000000000000000055511151231257827,12345678901234567890]';
  expect(compact(source)).toBe(source);
});

test('members keep their order and their repetition', () => {
  const source = '{"10":1,"2":2,"a":3,"a":4,"__proto__":5}';
  expect(compact(source)).toBe(source);
  expect(member(readJson(source), 'a')).toEqual({ kind: 'number', text: '4' });
  expect(member(readJson(source), 'constructor')).toBeUndefined();
  expect(textOf(readJson('{"a":"x"}'), 'a')).toBe('x');
  expect(textOf(readJson('{"a":1}'), 'a')).toBe('');
});

test('strings are what JSON.parse makes of them', () => {
  for (const text of ['', 'a"b', '\\', '\\"', 'line\nnext', '中文 😀', '\u2028', 'a\\\\']) {
    expect(readJson(JSON.stringify(text))).toEqual({ kind: 'string', text });
  }
  expect(readJson(' "\\u4e2d\\ud83d\\ude00" ')).toEqual({ kind: 'string', text: '中😀' });
  const long = 'x\\'.repeat(600_000);
  expect(readJson(JSON.stringify(long))).toEqual({ kind: 'string', text: long });
});

test('what is no JSON is refused as JSON.parse refuses it', () => {
  const wrong = ['', ' ', '{', '[1,]', '{"a"}', '{"a":}', '{a:1}', '01', '+1', '1.', '.5', 'tru', 'nulll', '"a', '"a\\"', '[1 2]', '{} {}', "'a'", '"\n"', '{"a":1,}', '[', '-'];
  for (const source of wrong) {
    expect(() => JSON.parse(source), source).toThrow();
    expect(() => readJson(source), source).toThrow(SyntaxError);
  }
  const right = ['0', '-1.5E+3', 'true', '[]', '{}', ' [ { } , [ ] ] ', '{"a":[1,{"b":null}],"c":"d"}'];
  for (const source of right) expect(JSON.parse(compact(source)), source).toEqual(JSON.parse(source));
});

test('what is nested too deeply is kept as text', () => {
  const deep = `${'['.repeat(50_000)}"]"${']'.repeat(50_000)}`;
  expect(compact(deep)).toBe(deep);
  let value = readJson(deep);
  for (let level = 0; level < DEPTH; level += 1) value = (value.kind === 'array' && value.items[0]) || value;
  expect(value.kind).toBe('deep');
  expect(() => readJson('['.repeat(50_000))).toThrow(SyntaxError);
});

test('it is written indented, and empty ones on one line', () => {
  const source = '{"a":[1,{"b":{}}],"c":[]}';
  expect(writeJson(readJson(source))).toBe(JSON.stringify(JSON.parse(source), null, 2));
});

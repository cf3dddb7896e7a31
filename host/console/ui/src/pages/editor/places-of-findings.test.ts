// Findings of the server and placeholders of secrets.
import { expect, test } from 'vitest';
import { problemOf, spanOf } from './problems';
import { carriedOver } from './secrets';

test('a finding names its line and column', () => {
  const sources = ['configuration', 'C:\\a.yaml'];
  const text = 'configuration:12:3: server.prot: unknown key\n   |\n12 |   prot: 8004\n   |   ^^^^';
  expect(problemOf(text, sources)).toEqual({ sentence: 'server.prot: unknown key', line: 12, column: 3 });
  expect(problemOf('C:\\a.yaml:7:0: x', sources)).toEqual({ sentence: 'x', line: 7, column: 1 });
  expect(problemOf('configuration:7:1:', sources)).toEqual({ sentence: 'configuration:7:1:', line: 7, column: 1 });
});

test('a finding about something else has no place in the text', () => {
  for (const text of ['no place at all', 'configuration:0:0: y', 'built-in settings:100:12: auth.methods: is empty', 'configuration: it is empty']) {
    expect(problemOf(text, ['configuration'])).toEqual({ sentence: text, line: null, column: 1 });
  }
});

test('what a finding is about is a word of the line', () => {
  expect(spanOf('  prot: 8004', 3)).toEqual({ from: 2, to: 6 });
  expect(spanOf('  prot: 8004', 9)).toEqual({ from: 8, to: 12 });
  expect(spanOf('  a: "b c"', 6)).toEqual({ from: 5, to: 10 });
  expect(spanOf('  a: b', 99)).toEqual({ from: 2, to: 6 });
  expect(spanOf('', 1)).toEqual({ from: 0, to: 0 });
});

test('placeholders go along with another version where they stand for the same', () => {
  const from = 'llm:\n  aliases:\n    a: { api_key: <hidden:1> }\n    b: { api_key: <hidden:2> }\n';
  const mine = from.replace('llm', 'log: {}\nllm');
  expect(carriedOver(mine, from, `${from}log:\n  level: debug\n`)).toBe(mine);
  expect(carriedOver('log: {}', from, 'log: {}')).toBe('log: {}');
  expect(carriedOver(mine, from, from.replace('<hidden:2>', 'plain'))).toBeNull();
  expect(carriedOver('a: <hidden:9>', from, from)).toBeNull();
});

test('a secret before others moves their numbers', () => {
  const from = 'llm:\n  aliases:\n    a: { api_key: <hidden:1> }\n    b: { api_key: <hidden:2> }\n';
  const to = `server: { secret: <hidden:1> }\n${from.replace('2>', '3>').replace('1>', '2>')}`;
  expect(carriedOver('x: <hidden:1>, y: <hidden:2>, z: <hidden:1>', from, to)).toBe('x: <hidden:2>, y: <hidden:3>, z: <hidden:2>');
});

test('an item of a list is known by what stands beside its secret', () => {
  const from = 'auth:\n  tokens:\n    - device: a\n      token: <hidden:1>\n    - device: b\n      token: <hidden:2>\n';
  expect(carriedOver(from, from, `${from}log: {}\n`)).toBe(from);
  expect(carriedOver(from, from, from.replace('device: a', 'device: c'))).toBeNull();
  // An item before it: whose secret it is could only be guessed.
  expect(carriedOver('- <hidden:2>', from, from.replace('tokens:\n', 'tokens:\n    - device: z\n'))).toBeNull();
});

test('items that cannot be told apart are not carried over', () => {
  const from = 'a:\n  - k: <hidden:1>\n  - k: <hidden:2>\n';
  expect(carriedOver('<hidden:1>', from, from)).toBe('<hidden:1>');
  expect(carriedOver('<hidden:1>', from, 'a: [<hidden:1>, <hidden:2>]')).toBeNull();
});

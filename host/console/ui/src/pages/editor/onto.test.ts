// My changes on top of somebody else's.
import { expect, test } from 'vitest';
import { onto } from './onto';

const BASE = 'server:\n  port: 1\n  http_port: 2\n\nlog:\n  level: info\n\nllm:\n  key: <hidden:1>\n  model: a\n';

test('changes in different places stand beside each other', () => {
  const mine = BASE.replace('level: info', 'level: debug');
  const theirs = BASE.replace('port: 1', 'port: 9');
  expect(onto(BASE, mine, theirs)).toEqual({ text: mine.replace('port: 1', 'port: 9'), both: 0 });
  expect(onto(BASE, theirs, mine)).toEqual(onto(BASE, mine, theirs));
});

test('what only one of both has changed is taken', () => {
  const other = `${BASE}tts: {}\n`;
  expect(onto(BASE, BASE, other)).toEqual({ text: other, both: 0 });
  expect(onto(BASE, other, BASE)).toEqual({ text: other, both: 0 });
  expect(onto(BASE, other, other)).toEqual({ text: other, both: 0 });
  expect(onto(BASE, '', BASE)).toEqual({ text: '', both: 0 });
  expect(onto('', 'a: 1', '')).toEqual({ text: 'a: 1', both: 0 });
  expect(onto('a: 1', 'a: 1', '')).toEqual({ text: '', both: 0 });
});

test('lines that are added and removed do not move others', () => {
  const mine = `# first\n${BASE.replace('  http_port: 2\n', '')}# last`;
  const theirs = BASE.replace('log:\n', '# about it\n# more\nlog:\n');
  expect(onto(BASE, mine, theirs)?.text).toBe(mine.replace('log:\n', '# about it\n# more\nlog:\n'));
});

test('where both have changed the same lines mine stand, and are counted', () => {
  const mine = BASE.replace('level: info', 'level: debug').replace('port: 1', 'port: 5');
  const theirs = BASE.replace('level: info', 'level: warn');
  expect(onto(BASE, mine, theirs)).toEqual({ text: mine, both: 1 });
});

test('secrets go along only where they are the same', () => {
  const mine = BASE.replace('key: <hidden:1>', 'key: <hidden:1> # mine');
  const moved = `auth:\n  secret: <hidden:1>\n\n${BASE.replace('<hidden:1>', '<hidden:2>')}`;
  expect(onto(BASE, mine, moved)?.text).toBe(moved.replace('key: <hidden:2>', 'key: <hidden:2> # mine'));
  expect(onto(BASE, mine, BASE.replace('  key: <hidden:1>\n', ''))).toBeNull();
  // A change elsewhere asks for no secret.
  expect(onto(BASE, BASE.replace('port: 1', 'port: 3'), BASE.replace('  key: <hidden:1>\n', ''))?.text).not.toContain('hidden');
});

test('every pair of small changes makes one text', () => {
  const lines = ['a', 'b', 'c', 'd'];
  const versions = lines.flatMap((_, at) => [lines.toSpliced(at, 1), lines.toSpliced(at, 0, 'x'), lines.toSpliced(at, 1, 'y', 'z')]);
  const base = lines.join('\n');
  for (const one of versions) {
    for (const other of versions) {
      const made = onto(base, one.join('\n'), other.join('\n'));
      if (made?.both === 0) expect(onto(base, other.join('\n'), one.join('\n'))).toEqual(made);
      else expect(made).not.toBeNull();
    }
  }
});

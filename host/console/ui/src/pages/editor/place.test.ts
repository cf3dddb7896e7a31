// The path of a cursor in YAML; `^` marks the cursor.
import { expect, test } from 'vitest';
import { pathText, placeAt, readYaml } from './place';

/** The place as `kind path [word]`. */
function at(marked: string): string {
  const cursor = marked.indexOf('^');
  const text = marked.replace('^', '');
  const place = placeAt(text, cursor);
  return place ? `${place.kind} ${pathText(place.path)} [${text.slice(place.from, cursor)}]` : 'none';
}

test('a key of the root, on an empty line and half written', () => {
  expect(at('^')).toBe('key  []');
  expect(at('ser^')).toBe('key  [ser]');
  expect(at('server:\n  port: 1\n^')).toBe('key  []');
  expect(at('server:\n  port: 1\nl^\nlog:\n')).toBe('key  [l]');
  expect(at('ser^ver:\n')).toBe('key  [ser]');
});

test('keys and values by indentation', () => {
  expect(at('server:\n  ^')).toBe('key server []');
  expect(at('server:\n  po^\n  ip: x\n')).toBe('key server [po]');
  expect(at('server:\n  ip: 0.0.0.0\n\n  ^\n')).toBe('key server []');
  expect(at('server:\n  tls:\n    ke^')).toBe('key server.tls [ke]');
  expect(at('server:\n  tls:\n    key: a\n  p^')).toBe('key server [p]');
  expect(at('log:\n  format: ^')).toBe('value log.format []');
  expect(at('log:\n  format: te^xt # why\n')).toBe('value log.format [te]');
  expect(at('log:\n  format:^')).toBe('value log.format []');
  expect(at('log:\n    level: info\n    ^')).toBe('key log []');
});

test('lists, indented or in the column of their key', () => {
  expect(at('auth:\n  tokens:\n    - to^')).toBe('key auth.tokens[0] [to]');
  expect(at('auth:\n  tokens:\n    - token: a\n      ^')).toBe('key auth.tokens[0] []');
  expect(at('auth:\n  tokens:\n    - token: a\n    - ^')).toBe('key auth.tokens[1] []');
  expect(at('auth:\n  methods:\n  - token\n  - j^\n  jwt: null')).toBe('key auth.methods[1] [j]');
  expect(at('auth:\n  methods:\n  - token\n  j^')).toBe('key auth [j]');
  expect(at('a:\n  - - x\n    - b: ^')).toBe('value a[0][1].b []');
  expect(at('a: -^')).toBe('value a [-]');
});

test('braces and brackets, on one line and on several', () => {
  expect(at('log: { ^')).toBe('key log []');
  expect(at('log: { level: info, fo^ }')).toBe('key log [fo]');
  expect(at('log: { level: in^ }')).toBe('value log.level [in]');
  expect(at('log: { level: ^ }')).toBe('value log.level []');
  expect(at('auth: { methods: [token, j^] }')).toBe('value auth.methods[1] [j]');
  expect(at('auth: { methods: [token], ^ }')).toBe('key auth []');
  expect(at('a:\n  b: {\n    c: 1,\n    ^\n  }\n')).toBe('key a.b []');
  expect(at('a: { b: 1 }\n^')).toBe('key  []');
  expect(at('a: { b: 1\nc:\n  ^')).toBe('key c []');
  expect(at('a: { b: 1 } ^')).toBe('none');
  expect(at('a: { url: http://x:1/, k^ }')).toBe('key a [k]');
});

test('comments and blocks of text hold no place', () => {
  expect(at('# ser^ver')).toBe('none');
  expect(at('log: # fo^')).toBe('none');
  expect(at('log:\n  level: info # fo^')).toBe('none');
  expect(at('a: |\n  b: ^\nc: 1')).toBe('none');
  expect(at('a:\n  b: >-\n    some: text\n\n    more^\n')).toBe('none');
  expect(at('a:\n  b: |\n    some: text\n  ^')).toBe('key a []');
  expect(at('a: { b: 1, # c^\n}')).toBe('none');
});

test('quotes, anchors and colons in names', () => {
  expect(at('device_alias:\n  aa:bb:cc: ^')).toBe('value device_alias.aa:bb:cc []');
  expect(at('device_alias:\n  "aa: b": k^')).toBe('value device_alias.aa: b [k]');
  expect(at("a: 'it''s # no comment^'")).toBe("value a ['it''s # no comment]");
  expect(at('a: &x\n  ^')).toBe('key a []');
  expect(at('a: &x { b^ }')).toBe('key a [b]');
});

test('all keys are found with their paths', () => {
  const { keys } = readYaml('a:\n  b: { c: 1, d: [ { e: 2 } ] }\n  f:\n    - g: 1\n      h: 2\n# i: 1\nj: |\n  k: 1\n', 0);
  expect(keys.map((one) => pathText(one.path))).toEqual(['a', 'a.b', 'a.b.c', 'a.b.d', 'a.b.d[0].e', 'a.f', 'a.f[0].g', 'a.f[0].h', 'j']);
});

test('any cut of a text is read, and soon', () => {
  const text = 'a: { b: [1, "x" ] }\n- - c:\n\t? x\n  : {\n]}\r\n"q: \'\n'.repeat(40);
  const began = performance.now();
  for (let cursor = 0; cursor <= text.length; cursor += 7) {
    const place = placeAt(text.slice(0, cursor + 3), cursor);
    if (place) expect(place.from).toBeLessThanOrEqual(cursor);
  }
  readYaml('section:\n  key: value # a comment\n'.repeat(5000), 0);
  expect(performance.now() - began).toBeLessThan(2000);
});

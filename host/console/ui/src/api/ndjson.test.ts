// Lines from pieces: split anywhere, too long, no JSON.
import { expect, test } from 'vitest';
import { LineSplitter, parseLine, readObjects } from './ndjson';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TEXT = '{"a":"语音"}\n\n{"b":2}\r\n{"c":"é😀"}\n';
const LINES = ['{"a":"语音"}', '{"b":2}', '{"c":"é😀"}'];

test('pieces may be split anywhere, also within a character', () => {
  const all = bytes(TEXT);
  for (let cut = 0; cut <= all.length; cut += 1) {
    const splitter = new LineSplitter();
    const lines = [...splitter.push(all.subarray(0, cut)), ...splitter.push(all.subarray(cut))];
    expect(lines.map((line) => line.trim())).toEqual(LINES);
  }
});

test('one byte at a time', () => {
  const splitter = new LineSplitter();
  const lines = [...bytes(TEXT)].flatMap((byte) => splitter.push(new Uint8Array([byte])));
  expect(lines.map((line) => line.trim())).toEqual(LINES);
});

test('a buffer that is used again does not change what is held', () => {
  const splitter = new LineSplitter();
  const buffer = bytes('{"a":');
  splitter.push(buffer);
  buffer.fill(0);
  expect(splitter.push(bytes('1}\n'))).toEqual(['{"a":1}']);
});

test('a line that is too long is dropped, and the next one is read', () => {
  for (const size of [1, 3, 64]) {
    const splitter = new LineSplitter(10);
    const all = bytes(`${'x'.repeat(50)}\n{"ok":1}\n${'y'.repeat(11)}\n0123456789\n`);
    const lines: string[] = [];
    for (let at = 0; at < all.length; at += size) lines.push(...splitter.push(all.subarray(at, at + size)));
    expect(lines).toEqual(['{"ok":1}', '0123456789']);
    expect(splitter.dropped).toBe(2);
  }
});

test('a line without an end is not shown', () => {
  expect(new LineSplitter().push(bytes('{"a":1}'))).toEqual([]);
});

test('only objects count', () => {
  expect(parseLine('{"a":1}')).toEqual({ a: 1 });
  for (const line of ['', '1', 'null', '[1]', '"x"', '{', '{"a":1} x']) expect(parseLine(line)).toBeNull();
});

test('a body is read to its end, and each piece is a sign of life', async () => {
  const pieces = ['{"n":1}\n{"n"', ':2}\n', '\n', 'no json\n{"n":3}\n'].map(bytes);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const seen: object[] = [];
  let signs = 0;
  await readObjects(body, (value) => seen.push(value), () => (signs += 1));
  expect(seen).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(signs).toBe(4);
});

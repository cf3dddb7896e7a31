// Sound as WAV, and captions of calls: what a reader of the file, and of the page, finds there.
import { expect, test } from 'vitest';
import type { Json } from '../api/types';
import { EMPTY, type Timeline, withLine } from './calls';
import { CAPTIONS_KEPT, captionsOf } from './captions';
import { bytesOf, joined, monoOf, wavOf } from './wav';

test('a WAV file says what it is', () => {
  const bytes = wavOf(Float32Array.from([0, 1, -1, 0.5, 2, -2]), 16_000);
  const view = new DataView(bytes.buffer);
  const text = (from: number): string => String.fromCharCode(...bytes.subarray(from, from + 4));
  expect([text(0), text(8), text(12), text(36)]).toEqual(['RIFF', 'WAVE', 'fmt ', 'data']);
  expect(view.getUint32(4, true)).toBe(bytes.length - 8);
  expect([view.getUint16(20, true), view.getUint16(22, true), view.getUint16(34, true)]).toEqual([1, 1, 16]);
  expect([view.getUint32(24, true), view.getUint32(28, true), view.getUint16(32, true)]).toEqual([16_000, 32_000, 2]);
  expect(view.getUint32(40, true)).toBe(12);
  const samples = Array.from({ length: 6 }, (_, index) => view.getInt16(44 + index * 2, true));
  expect(samples).toEqual([0, 32_767, -32_768, 16_384, 32_767, -32_768]);
  expect(wavOf(new Float32Array(0), 8_000)).toHaveLength(44);
});

test('several channels become one, blocks become one up to a limit', () => {
  expect([...monoOf([Float32Array.from([1, 0]), Float32Array.from([0, 0.5])])]).toEqual([0.5, 0.25]);
  const one = Float32Array.from([0.25]);
  expect([...monoOf([one])]).toEqual([0.25]);
  expect(monoOf([])).toHaveLength(0);
  const blocks = [Float32Array.from([1, 2]), Float32Array.from([3, 4])];
  expect([...joined(blocks, 99)]).toEqual([1, 2, 3, 4]);
  expect([...joined(blocks, 3)]).toEqual([1, 2, 3]);
  expect(joined([], 3)).toHaveLength(0);
});

test('base64 becomes bytes; what is none is nothing', () => {
  expect([...(bytesOf('UklGRg==') ?? [])]).toEqual([82, 73, 70, 70]);
  expect(bytesOf('%')).toBeNull();
});

const calls = (...all: { at?: number; plugin?: string; event: Json; effects?: Json[] }[]): Timeline =>
  all.reduce<Timeline>(
    (before, { at = 1, plugin = 'p', event, effects = [] }) =>
      withLine(before, { type: 'call', at, plugin, event: 'e', effects: [], content: { event, effects, state: null } }, 0),
    EMPTY,
  );
const heard = (text: string, segment: number, isFinal: boolean, source = 'x'): Json => ({
  transcript: { text, segment, is_final: isFinal, source },
});
const said = (text: string, more: boolean): Json => ({ say: { text, more, interrupt: false } });
const shown = (timeline: Timeline): string[] =>
  captionsOf(timeline.entries).map((one) => `${one.who} ${one.text}${one.open ? ' …' : ''}${one.cut ? ' !' : ''}`);

test('partials become their final text, also where several plugins get it', () => {
  expect(shown(calls({ event: heard('Hel', 4, false) }))).toEqual(['heard Hel …']);
  const all = calls(
    { event: heard('Hel', 4, false) },
    { event: heard('Hello', 4, true) },
    { plugin: 'q', event: heard('Hello', 4, true) },
    { event: heard('Bye', 5, true, 'typed') },
    { at: 400_000, event: heard('Again', 4, true) },
  );
  expect(shown(all)).toEqual(['heard Hello', 'typed Bye', 'heard Again']);
});

test('an answer in pieces is one line, and one that was cut off says so', () => {
  const all = calls(
    { event: heard('A?', 1, true), effects: ['decline', said('One, ', true)] },
    { plugin: 'q', event: 'detached', effects: [said('Other.', false)] },
    { event: { 'model-chunk': {} }, effects: [said('two', true), said('', false)] },
    { event: { aborted: { reason: 'barge_in', heard: 'One' } }, effects: [said('Yes?', true)] },
  );
  expect(shown(all)).toEqual(['heard A?', 'said One, two !', 'said Other.', 'said Yes? …']);
  expect(shown(calls({ event: { aborted: { reason: 'x', heard: null } } }))).toEqual([]);
});

test('captions are bounded, and need no content', () => {
  const many = Array.from({ length: 3 * CAPTIONS_KEPT }, (_, index) => ({ event: heard(`${index}`, index, true) }));
  const all = captionsOf(calls(...many).entries);
  expect(all).toHaveLength(CAPTIONS_KEPT);
  expect(all.at(-1)?.text).toBe(`${3 * CAPTIONS_KEPT - 1}`);
  const bare = withLine(EMPTY, { type: 'call', at: 1, plugin: 'p', event: 'transcript', effects: ['say'] }, 0);
  expect(captionsOf(bare.entries)).toEqual([]);
});

// Frames byte for byte, and the corpus of host/protocol: the crate and this page read the same hostile frames. Rule: a
// frame is unwrapped within itself, or it has a reason.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FRAMINGS, frameAudio, frameText, parseFrame } from './framing';

const corpus = new URL('../../../../protocol/tests/corpus/framing/', import.meta.url);
const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);

describe('framing', () => {
  it('writes frames of all versions byte for byte', () => {
    expect([...frameAudio(1, bytes(7, 8), 60)]).toEqual([7, 8]);
    expect([...frameAudio(2, bytes(7, 8), 60)]).toEqual([0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 2, 7, 8]);
    expect([...frameAudio(3, bytes(7, 8), 60)]).toEqual([0, 0, 0, 2, 7, 8]);
    expect([...(frameText(3, '{}') ?? [])]).toEqual([1, 0, 0, 2, 123, 125]);
    expect(frameText(1, '{}')).toBeNull();
  });

  it('reads what it writes', () => {
    for (const framing of FRAMINGS) {
      expect(parseFrame(framing, frameAudio(framing, bytes(7, 8), 2 ** 32 + 5))).toEqual({
        kind: 'audio',
        bytes: bytes(7, 8),
      });
    }
    expect(parseFrame(2, frameText(2, '{}') ?? bytes())).toEqual({ kind: 'text', bytes: bytes(123, 125) });
  });

  it('refuses lying frames as the crate does', () => {
    const timed = frameAudio(2, bytes(7, 8), 0);
    for (let cut = 0; cut < timed.length; cut++) {
      const why = cut < 16 ? 'too_short' : 'length';
      expect(parseFrame(2, timed.slice(0, cut))).toEqual({ kind: 'malformed', why });
    }
    const other = timed.slice();
    other[1] = 3;
    expect(parseFrame(2, other)).toEqual({ kind: 'malformed', why: 'version' });
    const huge = timed.slice();
    huge.fill(255, 12, 16);
    expect(parseFrame(2, huge)).toEqual({ kind: 'malformed', why: 'length' });
    expect(parseFrame(3, bytes(9, 0, 0, 1, 7))).toEqual({ kind: 'malformed', why: 'kind' });
    expect(parseFrame(3, bytes(0, 0, 255, 255, 7))).toEqual({ kind: 'malformed', why: 'length' });
    expect(parseFrame(3, bytes(0, 0, 0, 0))).toEqual({ kind: 'malformed', why: 'too_short' });
    expect(parseFrame(1, bytes())).toEqual({ kind: 'malformed', why: 'too_short' });
  });

  it('unwraps the corpus of the protocol within itself', () => {
    const files = readdirSync(corpus);
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const frame = new Uint8Array(readFileSync(new URL(file, corpus)));
      for (const framing of FRAMINGS) {
        const payload = parseFrame(framing, frame);
        if (payload.kind === 'malformed') continue;
        expect([...payload.bytes], `${file} ${framing}`).toEqual([
          ...frame.subarray(frame.length - payload.bytes.length),
        ]);
        if (payload.kind === 'audio') {
          expect(parseFrame(framing, frameAudio(framing, payload.bytes, 7)), file).toEqual(payload);
        }
      }
    }
  });
});

// The pure parts of the way in: resampler, framer, loudness. Blocks may be cut anywhere.
import { describe, expect, it } from 'vitest';
import { Loudness } from './loudness';
import { Framer, Resampler } from './resample';

function tone(hertz: number, rate: number, seconds: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: rate * seconds },
    (_, index) => 0.5 * Math.sin((2 * Math.PI * hertz * index) / rate),
  );
}

function through(rate: number, input: Float32Array<ArrayBuffer>, block: number): Float32Array {
  const resampler = new Resampler(rate);
  const output: number[] = [];
  for (let from = 0; from < input.length; from += block)
    output.push(...resampler.process(input.slice(from, from + block)));
  return Float32Array.from(output);
}

const power = (samples: Float32Array) =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

describe('resampler', () => {
  it('keeps the length and the loudness of speech', () => {
    for (const rate of [44_100, 48_000, 24_000, 8_000]) {
      const output = through(rate, tone(1000, rate, 1), 128);
      expect(Math.abs(output.length - 16_000), `${rate}`).toBeLessThan(40);
      expect(power(output.subarray(200, -200)), `${rate}`).toBeCloseTo(0.3535, 2);
    }
  });

  it('filters what 16 kHz cannot carry', () => {
    expect(power(through(48_000, tone(12_000, 48_000, 1), 128).subarray(200, -200))).toBeLessThan(0.01);
  });

  it('gives the same samples however the blocks are cut', () => {
    const input = tone(700, 44_100, 0.2);
    const [one, other] = [through(44_100, input, 128), through(44_100, input, 999)];
    const length = Math.min(one.length, other.length);
    for (let index = 0; index < length; index++) expect(one[index]).toBeCloseTo(other[index] ?? Number.NaN, 5);
  });
});

describe('framer', () => {
  it('cuts frames of one length and keeps the rest', () => {
    const framer = new Framer(4);
    const frames: number[][] = [];
    const add = (...samples: number[]) => framer.add(Float32Array.from(samples), (frame) => frames.push([...frame]));
    add(1, 2, 3);
    add(4, 5, 6, 7, 8, 9);
    expect(frames).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    framer.flush((frame) => frames.push([...frame]));
    expect(frames.at(-1)).toEqual([9, 0, 0, 0]);
    add(2);
    framer.reset();
    add(1, 1, 1, 1);
    expect(frames.at(-1)).toEqual([1, 1, 1, 1]);
  });
});

describe('loudness', () => {
  it('finds the end of speech in a room with noise', () => {
    const loudness = new Loudness();
    const noise = () => Float32Array.from({ length: 320 }, (_, index) => 0.004 * ((index % 7) - 3));
    let at = 0;
    for (; at < 50; at++) loudness.add(noise(), at);
    expect(loudness.takeSpeechEnd()).toBeNull();
    for (; at < 100; at++) loudness.add(tone(300, 16_000, 0.02), at);
    for (; at < 150; at++) loudness.add(noise(), at);
    expect(loudness.takeSpeechEnd()).toBe(99);
    expect(loudness.takeSpeechEnd()).toBeNull();
  });

  it('takes a click for no speech', () => {
    const loudness = new Loudness();
    for (let at = 0; at < 20; at++) loudness.add(new Float32Array(320), at);
    loudness.add(tone(300, 16_000, 0.02), 20);
    loudness.add(new Float32Array(320), 21);
    expect(loudness.takeSpeechEnd()).toBeNull();
  });
});

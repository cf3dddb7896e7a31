// The jitter buffer with a clock of our own.
import { describe, expect, it } from 'vitest';
import { JitterBuffer } from './jitter';

const FRAME = 0.06;

describe('jitter buffer', () => {
  it('plays a burst without gaps, after a delay', () => {
    const buffer = new JitterBuffer();
    const starts = [0, 0, 0, 0, 0].map(() => buffer.place(10, FRAME));
    starts.forEach((start, index) => expect(start).toBeCloseTo(10.08 + index * FRAME));
    expect(buffer.ahead(10)).toBeCloseTo(0.38);
    expect(buffer.ahead(11)).toBe(0);
  });

  it('keeps its pace while frames come in time', () => {
    const buffer = new JitterBuffer();
    let end = 0;
    for (let index = 0; index < 100; index++) {
      const jitter = index % 3 === 0 ? 0.03 : 0;
      const start = buffer.place(index * FRAME + jitter, FRAME) ?? Number.NaN;
      if (index > 0) expect(start).toBeCloseTo(end);
      end = start + FRAME;
    }
  });

  it('waits longer after a gap, but not for ever', () => {
    const buffer = new JitterBuffer();
    buffer.place(0, FRAME);
    expect(buffer.place(0.3, FRAME)).toBeCloseTo(0.42);
    let now = 0.3;
    for (let index = 0; index < 50; index++) {
      now = (buffer.place(now, FRAME) ?? 0) + FRAME + 0.2;
      const start = buffer.place(now, FRAME) ?? 0;
      expect(start - now).toBeLessThanOrEqual(0.4001);
    }
  });

  it('takes a pause of the speaker for no gap', () => {
    const buffer = new JitterBuffer();
    buffer.place(0, FRAME);
    expect(buffer.place(5, FRAME)).toBeCloseTo(5.08);
  });

  it('drops what lies too far ahead', () => {
    const buffer = new JitterBuffer();
    let placed = 0;
    for (let index = 0; index < 100; index++) if (buffer.place(0, FRAME) !== null) placed += 1;
    expect(placed).toBeLessThan(42);
    expect(placed).toBeGreaterThan(37);
  });

  it('begins anew after a reset, and forgets old gaps slowly', () => {
    const buffer = new JitterBuffer();
    buffer.place(0, FRAME);
    buffer.place(0.3, FRAME);
    buffer.reset();
    expect(buffer.ahead(0.3)).toBe(0);
    expect(buffer.place(1, FRAME)).toBeCloseTo(1.12);
    buffer.reset();
    expect(buffer.place(2, FRAME)).toBeCloseTo(2.1);
    buffer.reset();
    buffer.reset();
    expect(buffer.place(3, FRAME)).toBeCloseTo(3.08);
  });
});

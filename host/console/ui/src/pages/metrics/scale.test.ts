// Axes and gaps of charts.
import { describe, expect, it } from 'vitest';
import { ceilingOf, spanOf, stepsOf } from './figures';
import { nearest, partsOf, sampleAt, scaleOf, ticksOf, timesBetween } from './scale';

describe('axes', () => {
  it('has few lines at round values', () => {
    expect(ticksOf(0, 4, null)).toEqual([0]);
    expect(ticksOf(1, 4, null)).toEqual([0, 0.5, 1]);
    expect(ticksOf(7.5, 4, stepsOf('count'))).toEqual([0, 2, 4, 6]);
    expect(ticksOf(0.1, 4, null).map((tick) => tick.toFixed(3))).toEqual(['0.000', '0.050', '0.100']);
    expect(ticksOf(216, 4, null)).toEqual([0, 100, 200]);
    const gib = 2 ** 30;
    expect(ticksOf(2.3e9, 4, stepsOf('bytes'))).toEqual([0, gib, 2 * gib]);
    expect(ticksOf(Number.NaN, 4, null)).toEqual([0]);
    // Nothing but zeros or gaps: as high as the least axis of its unit.
    expect(ticksOf(ceilingOf('count', 0), 4, stepsOf('count'))).toEqual([0, 1, 2, 3, 4]);
    expect(ticksOf(ceilingOf('ms', 0), 4, stepsOf('ms'))).toEqual([0, 50, 100, 150, 200]);
  });

  it('names full minutes only', () => {
    expect(timesBetween(30, 610, 5)).toEqual([120, 240, 360, 480, 600]);
    expect(timesBetween(0, 3600, 6)).toEqual([0, 600, 1200, 1800, 2400, 3000, 3600]);
    expect(timesBetween(5, 5, 3)).toEqual([]);
  });

  it('stands a single value in the middle of nothing', () => {
    expect(scaleOf([5, 5], [0, 100])(5)).toBe(0);
    expect(scaleOf(spanOf([900]), [0, 100])(900)).toBe(100);
    expect(scaleOf([0, 10], [100, 0])(2.5)).toBe(75);
  });
});

describe('series', () => {
  it('keeps its gaps', () => {
    expect(partsOf([null, 1, 2, null, null, 3])).toEqual([
      [1, 2],
      [5, 5],
    ]);
    expect(partsOf([5])).toEqual([[0, 0]]);
    expect(partsOf([null, 5, null])).toEqual([[1, 1]]);
    expect(partsOf([null, null])).toEqual([]);
    expect(partsOf([])).toEqual([]);
  });

  it('is pointed at where it was measured', () => {
    expect(nearest([10, 20, 30], 24)).toBe(1);
    expect(nearest([10, 20, 30], 99)).toBe(2);
    expect(nearest([], 5)).toBe(-1);
  });

  it('stays pointed at when its times shift a little', () => {
    expect(sampleAt([10, 20, 30], 20)).toBe(1);
    expect(sampleAt([10.002, 20.002, 30.002], 20)).toBe(1);
    expect(sampleAt([10, 20, 30], 4)).toBe(-1);
    expect(sampleAt([10, 20, 30], null)).toBe(-1);
    expect(sampleAt([10], 10.001)).toBe(0);
    expect(sampleAt([], 10)).toBe(-1);
  });
});

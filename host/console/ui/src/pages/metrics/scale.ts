// Where values stand in a chart and which lines its axes have. Rule: pure; few lines, at round values, never closer than
// asked for.

/** From a value to a place, linearly. */
export type Scale = (value: number) => number;

/** Maps the ends of a range to the ends of a place. */
export function scaleOf(range: readonly [number, number], place: readonly [number, number]): Scale {
  const [low, high] = range;
  const width = high - low || 1;
  return (value) => place[0] + ((value - low) / width) * (place[1] - place[0]);
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function round(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10);
}

/** Values for the lines of an axis from 0 to `most`, at most `lines` of them above 0. `steps`: the distances allowed. */
export function ticksOf(most: number, lines: number, steps: readonly number[] | null): number[] {
  if (!(most > 0) || lines < 1) return [0];
  const least = most / lines;
  const step = steps ? (steps.find((one) => one >= least) ?? least) : round(least);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, at) => at * step);
}

const MINUTES = [1, 2, 5, 10, 15, 30, 60];

/** Unix seconds of full minutes between two times, at most `lines` of them. */
export function timesBetween(from: number, to: number, lines: number): number[] {
  const step = (MINUTES.find((minutes) => (to - from) / (minutes * 60) <= lines) ?? 60) * 60;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

/** The parts of a series between its gaps, as places of samples: `[first, last]`, both in. */
export function partsOf(values: readonly (number | null)[]): [number, number][] {
  const parts: [number, number][] = [];
  values.forEach((value, at) => {
    const last = parts.at(-1);
    if (value === null) return;
    if (last && last[1] === at - 1) last[1] = at;
    else parts.push([at, at]);
  });
  return parts;
}

/** The sample nearest to a time; -1 if there is none. */
export function nearest(times: readonly number[], at: number): number {
  let best = -1;
  times.forEach((time, index) => {
    if (best < 0 || Math.abs(time - at) < Math.abs((times[best] ?? 0) - at)) best = index;
  });
  return best;
}

/** The sample of a moment that was pointed at; -1 if it is none of them. Samples come a little early or late, so after
 * the next one the times before it are no longer the very same. */
export function sampleAt(times: readonly number[], moment: number | null): number {
  if (moment === null) return -1;
  const at = nearest(times, moment);
  const half = ((times[1] ?? 0) - (times[0] ?? 0)) / 2;
  return Math.abs((times[at] ?? Infinity) - moment) < (half > 0 ? half : 1) ? at : -1;
}

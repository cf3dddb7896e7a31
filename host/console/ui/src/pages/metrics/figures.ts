// The short history of the server as charts: which figures stand together, at which times, between which ends. Rule:
// pure; null is where nothing was measured and never zero; a figure that is not known here gets a chart of its own.

/** What GET /api/v1/history answers. */
export interface History {
  interval_s: number;
  /** Unix time of the last value in ms; 0: there is none yet. */
  until: number;
  series: Series[];
}

export interface Series {
  name: string;
  unit: string;
  values: (number | null)[];
}

export type Group = 'people' | 'speed' | 'machine' | 'trouble' | 'other';

/** `line`: a state, which changes gradually; `steps`: one that jumps; `points`: seldom measured; `bars`: what came in between. */
export type Shape = 'line' | 'steps' | 'points' | 'bars';

export interface Plan {
  /** Its words, or the name of its only figure. */
  name: string;
  figures: readonly string[];
  shape: Shape;
}

export interface Planned extends Plan {
  series: Series[];
}

const PLANS: readonly (readonly [Group, readonly Plan[]])[] = [
  [
    'people',
    [
      { name: 'devices', figures: ['connected', 'sessions'], shape: 'steps' },
      { name: 'turns', figures: ['turns'], shape: 'bars' },
    ],
  ],
  ['speed', [{ name: 'sound', figures: ['first_sound_p50_ms', 'first_sound_p99_ms'], shape: 'points' }]],
  [
    'machine',
    [
      { name: 'cpu', figures: ['cpu'], shape: 'line' },
      { name: 'memory', figures: ['memory_bytes'], shape: 'line' },
      { name: 'instances', figures: ['live_instances'], shape: 'steps' },
    ],
  ],
  [
    'trouble',
    [
      { name: 'warnings', figures: ['warnings'], shape: 'bars' },
      { name: 'waiting', figures: ['waiting_messages'], shape: 'steps' },
    ],
  ],
];

/** Charts of figures that only a newer server has. */
const OTHERS_SHOWN = 12;

/** The charts that a history fills, by group; a group without any is left out. */
export function planned(history: History): [Group, Planned[]][] {
  const left = new Map(history.series.map((one) => [one.name, one]));
  const take = (name: string): Series[] => {
    const one = left.get(name);
    left.delete(name);
    return one ? [one] : [];
  };
  const groups: [Group, Planned[]][] = PLANS.map(([group, plans]) => [
    group,
    plans.map((plan) => ({ ...plan, series: plan.figures.flatMap(take) })).filter((plan) => plan.series.length > 0),
  ]);
  const others = [...left.values()].slice(0, OTHERS_SHOWN);
  groups.push(['other', others.map((one) => ({ name: one.name, figures: [one.name], shape: 'line', series: [one] }))]);
  return groups.filter(([, plans]) => plans.length > 0);
}

/** How many samples there are. */
export function samplesOf({ until, series }: History): number {
  return until > 0 ? Math.max(0, ...series.map((one) => one.values.length)) : 0;
}

/** The Unix seconds of each sample, oldest first. */
export function timesOf(history: History): number[] {
  const samples = samplesOf(history);
  return Array.from({ length: samples }, (_, at) => history.until / 1000 - (samples - 1 - at) * history.interval_s);
}

/** The values of a figure, one for each time. */
export function aligned(values: readonly (number | null)[], samples: number): (number | null)[] {
  const missing = Math.max(0, samples - values.length);
  return [...new Array<null>(missing).fill(null), ...values.slice(Math.max(0, values.length - samples))];
}

export interface Reading {
  /** The newest value; null where there was nothing to measure. */
  last: number | null;
  /** Where the newest one that was measured is. */
  lastAt: number;
  least: number;
  most: number;
  sum: number;
}

/** A figure in a few numbers; null if nothing was measured. */
export function reading(values: readonly (number | null)[]): Reading | null {
  const lastAt = values.findLastIndex((value) => value !== null);
  if (lastAt < 0) return null;
  const measured = values.filter((value) => value !== null);
  return {
    last: values.at(-1) ?? null,
    lastAt,
    least: Math.min(...measured),
    most: Math.max(...measured),
    sum: measured.reduce((all, value) => all + value, 0),
  };
}

/** The least height of an axis, so that next to nothing does not look like much. */
const FLOORS: Readonly<Record<string, number>> = { count: 4, ms: 200, bytes: 16 * 1024 * 1024, share: 0.1 };

/** The end of an axis that begins at zero. */
export function ceilingOf(unit: string, most: number): number {
  const floor = Object.hasOwn(FLOORS, unit) ? (FLOORS[unit] ?? 1) : 1;
  return Math.max(floor, most * 1.08);
}

/** The least that the time axis spans, so that the first samples stand at its end. */
const SPAN_S = 600;

/** The ends of the time axis. */
export function spanOf(times: readonly number[]): [number, number] {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  return [Math.min(first, last - SPAN_S), last];
}

const POWERS = Array.from({ length: 9 }, (_, power) => 10 ** power);
const STEPS: Readonly<Record<string, readonly number[]>> = {
  count: POWERS.flatMap((power) => [power, 2 * power, 5 * power]),
  // From a KiB to some TiB.
  bytes: Array.from({ length: 34 }, (_, power) => 1024 * 2 ** power),
};

/** The distances that lines of an axis may have: whole things, whole powers of two; of other units, any. */
export function stepsOf(unit: string): readonly number[] | null {
  return Object.hasOwn(STEPS, unit) ? (STEPS[unit] ?? null) : null;
}

export interface Row {
  /** Unix seconds. */
  at: number;
  values: (number | null)[];
}

/** The newest samples as rows, newest first. */
export function rowsOf(times: readonly number[], series: readonly (readonly (number | null)[])[], most: number): Row[] {
  const rows: Row[] = [];
  for (let at = times.length - 1; at >= 0 && rows.length < most; at -= 1) {
    rows.push({ at: times[at] ?? 0, values: series.map((values) => values[at] ?? null) });
  }
  return rows;
}

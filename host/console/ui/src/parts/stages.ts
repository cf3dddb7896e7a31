// The stages of a turn and what many turns come to. Rule: pure; times count from the end of what the user said, a stage
// never begins before the one before it, and a percentile is a time that some turn really took (nearest rank).
import type { Turn } from '../api/types';

export type StageName = 'text_known' | 'first_token' | 'first_sound';

export interface Stage {
  name: StageName;
  /** ms from the end of what was said. */
  from: number;
  to: number;
}

/** The stages that a turn had, in their order; times are kept within those that follow. */
export function stagesOf(turn: Turn): Stage[] {
  const stages: Stage[] = [];
  const end = turn.first_sound_ms ?? turn.total_ms;
  let at = 0;
  const add = (name: StageName, to: number): void => {
    const until = Math.min(Math.max(to, at), Math.max(end, at));
    if (until > at) stages.push({ name, from: at, to: until });
    at = until;
  };
  if (isTime(turn.recognition_ms)) add('text_known', turn.recognition_ms);
  if (isTime(turn.model_first_ms)) add('first_token', at + turn.model_first_ms);
  if (isTime(turn.first_sound_ms)) add('first_sound', turn.first_sound_ms);
  return stages;
}

function isTime(value: number | null | undefined): value is number {
  return typeof value === 'number' && value >= 0;
}

/** The value that a share of all values do not exceed; null for no values. */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil(Math.min(1, Math.max(0, share)) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? null;
}

export interface Summary {
  name: StageName | 'whole';
  count: number;
  half: number | null;
  most: number | null;
}

/** p50 and p99 until each stage, over all turns that had it. */
export function summarise(turns: readonly Turn[]): Summary[] {
  const times: Record<Summary['name'], number[]> = { text_known: [], first_token: [], first_sound: [], whole: [] };
  for (const turn of turns) {
    for (const stage of stagesOf(turn)) times[stage.name].push(stage.to);
    times.whole.push(turn.total_ms);
  }
  return (Object.keys(times) as Summary['name'][]).map((name) => ({
    name,
    count: times[name].length,
    half: percentile(times[name], 0.5),
    most: percentile(times[name], 0.99),
  }));
}

/** A round end for an axis, and its step: at most five steps. */
export function axisFor(longest: number): { end: number; step: number } {
  const rough = Math.max(longest, 10) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  return { end: Math.ceil(Math.max(longest, 10) / step) * step, step };
}

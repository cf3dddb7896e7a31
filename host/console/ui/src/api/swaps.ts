// Which plugins were swapped between two lists. Rule: a swap is another generation that serves, whatever its state; a
// plugin that appears or goes is none.
import type { Generation } from './types';

/** Another generation of a plugin serves. */
export interface Swap {
  id: string;
  from: number;
  to: number;
  version: string;
  /** Unix ms at which this page saw it. */
  at: number;
}

/** The generation of each plugin that serves its sessions. */
export function serving(list: Generation[]): Map<string, Generation> {
  const all = new Map<string, Generation>();
  for (const one of list) {
    if ((one.state === 'active' || one.state === 'trial') && typeof one.generation === 'number') all.set(one.id, one);
  }
  return all;
}

/** The swaps from one list to the next. */
export function swapsBetween(before: Generation[], after: Generation[], at: number): Swap[] {
  const old = serving(before);
  const swaps: Swap[] = [];
  for (const [id, now] of serving(after)) {
    const from = old.get(id)?.generation;
    const to = now.generation;
    if (typeof from === 'number' && typeof to === 'number' && from !== to) {
      swaps.push({ id, from, to, version: now.version, at });
    }
  }
  return swaps;
}

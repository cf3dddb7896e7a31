// On which nodes of the cluster a plugin stands. Rule: pure; said only where nodes differ in its newest row, since older
// ones are what each node has seen.
import type { Generation } from '../../api/types';

/** The names of all nodes that some row stands on. */
export function nodesOf(list: readonly Generation[]): string[] {
  return [...new Set(list.flatMap((one) => one.nodes ?? []))];
}

/** Rows of one plugin that only some of the nodes have; none where its newest one is on all of them. */
export function apartOf(rows: readonly Generation[], nodes: readonly string[]): Generation[] {
  const isApart = (row: Generation): boolean => nodes.some((node) => !row.nodes?.includes(node));
  const newest = [...rows].sort((a, b) => b.loaded_at - a.loaded_at)[0];
  return newest && isApart(newest) ? rows.filter(isApart) : [];
}

// Which node of a cluster answers. Rule: what is one node's own is answered by the node that was asked, unless the page
// that is shown has chosen another one; all else is never asked of a single node.
import { signal } from '@preact/signals';
import type { NodeRow } from './types';

/** The node that the page shown asks for what is a node's own; null: the one that it came from. */
export const asked = signal<string | null>(null);

const OWN = /^\/api\/v1\/(logs|audit|config|storage|providers|history)(?![^/?])/;

/** A path with the node that is to answer it, where one is chosen and it is a node's own. */
export function toNode(target: string, node: string | null): string {
  if (node === null || !OWN.test(target)) return target;
  return `${target}${target.includes('?') ? '&' : '?'}node=${encodeURIComponent(node)}`;
}

/** The nodes that a header names. */
export function namesOf(header: string | null): string[] {
  return (header ?? '').split(',').map((name) => name.trim()).filter(Boolean);
}

export interface Choice {
  name: string;
  /** What is chosen with it. */
  node: string | null;
}

/** The nodes to choose from; none where the server is alone. What is chosen stays, also when it is gone. */
export function choicesOf(rows: readonly NodeRow[], now: string | null): Choice[] {
  const choices: Choice[] = [];
  for (const { node: name, stage, asked: isAsked } of rows) {
    if (name !== null && stage !== 'gone') choices.push({ name, node: isAsked ? null : name });
  }
  if (now !== null && !choices.some((one) => one.node === now)) choices.push({ name: now, node: now });
  return choices;
}

// What is shown of a node. Rule: pure; a stage that this console does not know is shown as the server names it, and
// nothing is offered for it.
import type { NodeRow } from '../../api/types';
import { named } from '../../words/named';

/** What may be done with a node: have it hand its sessions over, or take devices again. */
export type Order = 'handOver' | 'takeAgain';

export interface ShownNode {
  key: string;
  name: string;
  /** The classes of its stage. */
  look: string;
  /** Sessions that it has still to hand over. */
  left: number | null;
  /** What it is not ready for. */
  sentences: readonly string[];
  /** Null where it would not answer. */
  order: Order | null;
}

const LOOK: Record<string, string> = {
  serving: 'badge good',
  draining: 'badge accent',
  silent: 'badge warn',
  gone: 'badge danger',
};

const ORDERS: Record<string, Order> = { serving: 'handOver', draining: 'takeAgain', drained: 'takeAgain' };

/** Whether these are the nodes of a cluster; a server that is alone has no name. */
export function isCluster(rows: readonly NodeRow[] | null): boolean {
  return rows?.[0]?.node != null;
}

/** What is shown of a row. */
export function shownOf({ node, id, stage, own }: NodeRow): ShownNode {
  return {
    key: id ?? node ?? '',
    name: node ?? '',
    look: named(LOOK, stage) ?? 'badge',
    left: stage === 'draining' && own ? own.sessions : null,
    sentences: own?.not_ready ?? [],
    order: (named(ORDERS, stage) as Order | undefined) ?? null,
  };
}

// Which node of the cluster the page is about. Rule: it stands above the pages which are one node's own, and only where
// there is a cluster.
import { path } from '../api/client';
import { choicesOf } from '../api/node';
import { usePolled } from '../api/poll';
import type { NodeRow } from '../api/types';
import { words } from '../words';
import { chosen } from './node';

const NODES_EVERY_MS = 10_000;

export function NodePicker() {
  const w = words.value.nodes;
  const rows = usePolled<NodeRow[]>(path('nodes'), NODES_EVERY_MS).value;
  const choices = choicesOf(rows ?? [], chosen.value);
  if (choices.length === 0) return null;
  return (
    <div class="field narrow">
      <label for="node-choice">{w.node}</label>
      <select
        id="node-choice"
        value={chosen.value ?? ''}
        onChange={(event) => {
          chosen.value = event.currentTarget.value || null;
        }}
      >
        {choices.map(({ name, node }) => (
          <option key={name} value={node ?? ''}>
            {node === null ? w.own(name) : name}
          </option>
        ))}
      </select>
    </div>
  );
}

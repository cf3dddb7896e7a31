// The nodes of the cluster: how each of them is, and handing its sessions over to the others. Rule: shown only where there
// is a cluster; what takes devices away from a node asks first, what the server refuses is said in its own words.
import { useState } from 'preact/hooks';
import { ApiError, path, post, send } from '../../api/client';
import { usePolled } from '../../api/poll';
import { useRole } from '../../api/role';
import type { NodeRow } from '../../api/types';
import { FailureNote, Own, Panel } from '../../parts/basics';
import { Ask } from '../../parts/dialog';
import { words } from '../../words';
import { named } from '../../words/named';
import { count, duration, moment } from '../../words/format';
import { isCluster, type Order, shownOf } from './node-row';

const NODES_EVERY_MS = 2_000;
// A server that is alone may be one of several after a restart.
const ALONE_EVERY_MS = 30_000;
const PER_SECOND = 500;

type Give = (order: Order, name: string) => void;

function Stage({ row }: { row: NodeRow }) {
  const w = words.value.nodes;
  const { look, left } = shownOf(row);
  return (
    <>
      <span class={look}>{named(w.stages, row.stage) ?? row.stage}</span>
      {left !== null && <span class="small muted"> {w.left(left, count(left))}</span>}
      {row.gone_since !== null && <span class="small muted"> {w.since(moment(row.gone_since))}</span>}
    </>
  );
}

function NodeRows({ row, give }: { row: NodeRow; give: Give | null }) {
  const w = words.value.nodes;
  const { own } = row;
  const { name, sentences, order } = shownOf(row);
  return (
    <>
      <tr class={sentences.length > 0 ? 'with-notes' : ''}>
        <th scope="row">
          {name}
          {row.asked && <span class="badge swap-mark">{w.asked}</span>}
        </th>
        <td>
          <Stage row={row} />
        </td>
        <td class="end">{own ? count(own.connected) : '–'}</td>
        <td class="end">{own ? count(own.sessions) : '–'}</td>
        <td>{own?.version ?? '–'}</td>
        <td>{own ? duration(own.uptime_s) : '–'}</td>
        {give && (
          <td>
            {order && (
              <button type="button" class="button quiet" aria-label={`${w[order]}: ${name}`} onClick={() => give(order, name)}>
                {w[order]}
              </button>
            )}
          </td>
        )}
      </tr>
      {sentences.length > 0 && (
        <tr class="notes">
          <td colSpan={give ? 7 : 6}>
            {sentences.map((one) => (
              <p key={one} class="small">
                <Own>{one}</Own>
              </p>
            ))}
          </td>
        </tr>
      )}
    </>
  );
}

function Table({ rows, give }: { rows: readonly NodeRow[]; give: Give | null }) {
  const { nodes: w, overview, plugins } = words.value;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={w.title}>
      <table class="generations">
        <thead>
          <tr>
            <th scope="col">{w.node}</th>
            <th scope="col">{plugins.state}</th>
            <th scope="col" class="end">
              {overview.connected}
            </th>
            <th scope="col" class="end">
              {overview.sessions}
            </th>
            <th scope="col">{plugins.version}</th>
            <th scope="col">{overview.uptime}</th>
            {give && <td />}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <NodeRows key={shownOf(row).key} row={row} give={give} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NodesPanel() {
  const w = words.value.nodes;
  const polled = usePolled<NodeRow[]>(path('nodes'), NODES_EVERY_MS);
  const may = useRole() === 'operator';
  const [asking, setAsking] = useState<string | null>(null);
  const [ordered, setOrdered] = useState<string | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const rows = polled.value;
  if (!rows) return null;
  const target = (name: string): string => path('nodes', name, 'drain');
  const takeAgain = async (name: string): Promise<void> => {
    try {
      await send(target(name), { method: 'DELETE' });
      setOrdered(name);
      polled.again();
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    }
  };
  const give: Give = (order, name) => {
    setFailure(null);
    if (order === 'handOver') setAsking(name);
    else void takeAgain(name);
  };
  const stage = rows.find((row) => row.node === ordered)?.stage;
  return (
    <Panel title={w.title}>
      <Table rows={rows} give={may ? give : null} />
      <p class="small" role="status">
        {ordered !== null && (stage === 'serving' || stage === 'draining' || stage === 'drained') ? w.said[stage](ordered) : ''}
      </p>
      <FailureNote failure={failure} />
      {asking !== null && (
        <Ask
          title={w.handOverTitle(asking)}
          text={w.handOverText(count(PER_SECOND))}
          action={w.handOver}
          act={async () => {
            await post(`${target(asking)}?per_second=${PER_SECOND}`);
            setOrdered(asking);
          }}
          closed={(done) => {
            setAsking(null);
            if (done) polled.again();
          }}
        />
      )}
    </Panel>
  );
}

export function Nodes() {
  const { value } = usePolled<NodeRow[]>(path('nodes'), ALONE_EVERY_MS);
  return isCluster(value) ? <NodesPanel /> : null;
}

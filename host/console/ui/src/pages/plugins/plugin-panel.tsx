// One plugin: its generations with state, calls and faults, and what may be done. Rule: a generation that was just
// swapped in is marked for a minute, in words and not by colour alone.
import { useEffect, useState } from 'preact/hooks';
import { path, post } from '../../api/client';
import { swaps } from '../../api/feed';
import type { Generation } from '../../api/types';
import { hrefOf } from '../../app/route';
import { Facts, Own } from '../../parts/basics';
import { Ask } from '../../parts/dialog';
import { words } from '../../words';
import { named } from '../../words/named';
import { count, labelled, list, moment } from '../../words/format';
import type { PluginGroup } from './index';

const MARKED_MS = 60_000;

const LOOK: Record<string, string> = {
  active: 'badge good',
  trial: 'badge accent',
  candidate: 'badge accent',
  compiling: 'badge accent',
  fallback: 'badge',
  'rolled-back': 'badge warn',
  refused: 'badge danger',
};

/** The generation of a plugin that this page has just seen swapped in; null if there is none. */
function useJustSwapped(id: string): number | null {
  const last = swaps.value.find((one) => one.id === id);
  const [, setNow] = useState(0);
  useEffect(() => {
    if (!last) return undefined;
    const timer = setTimeout(() => setNow(Date.now()), Math.max(0, last.at + MARKED_MS - Date.now()) + 50);
    return () => clearTimeout(timer);
  }, [last]);
  return last && Date.now() - last.at < MARKED_MS ? last.to : null;
}

function GenerationRow({ one, swapped, isApart }: { one: Generation; swapped: boolean; isApart: boolean }) {
  const w = words.value.plugins;
  const notes: [string, string][] = [];
  if (one.reason) notes.push([w.reason, one.reason]);
  if (one.last_fault) notes.push([w.lastFault, one.last_fault]);
  return (
    <>
      <tr class={swapped ? 'swapped' : notes.length > 0 ? 'with-notes' : ''}>
        <th scope="row">
          {typeof one.generation === 'number' ? count(one.generation) : '–'}
          {swapped && <span class="badge good swap-mark">{w.swapped}</span>}
        </th>
        <td>{one.version || '–'}</td>
        <td>
          <span class={named(LOOK, one.state) ?? 'badge'}>{named(w.states, one.state) ?? one.state}</span>
          {typeof one.percent === 'number' && <span class="small muted"> {w.share(`${count(one.percent)} %`)}</span>}
          {isApart && <span class="small muted"> {words.value.nodes.only(list(one.nodes ?? []))}</span>}
        </td>
        <td>
          <time dateTime={new Date(one.loaded_at).toISOString()}>{moment(one.loaded_at)}</time>
        </td>
        <td class="end">{count(one.calls)}</td>
        <td class="end">{one.faults > 0 ? <strong class="bad">{count(one.faults)}</strong> : count(0)}</td>
      </tr>
      {(notes.length > 0 || one.sessions_gone_back > 0) && (
        <tr class="notes">
          <td colSpan={6}>
            {notes.map(([label, text]) => (
              <p key={label} class="fault small">
                {labelled(label)}
                <Own>{text}</Own>
              </p>
            ))}
            {one.sessions_gone_back > 0 && (
              <p class="small">{w.goneBack(one.sessions_gone_back, count(one.sessions_gone_back))}</p>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function Generations({ group }: { group: PluginGroup }) {
  const w = words.value.plugins;
  const swapped = useJustSwapped(group.id);
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={`${w.generations}: ${group.id || w.nameless}`}>
      <table class="generations">
        <thead>
          <tr>
            <th scope="col">{w.generation}</th>
            <th scope="col">{w.version}</th>
            <th scope="col">{w.state}</th>
            <th scope="col">{w.loaded}</th>
            <th scope="col" class="end">
              {w.calls}
            </th>
            <th scope="col" class="end">
              {w.faults}
            </th>
          </tr>
        </thead>
        <tbody>
          {group.generations.map((one) => (
            <GenerationRow
              key={`${one.generation ?? ''} ${one.sha8} ${one.state}`}
              one={one}
              isApart={group.apart.includes(one)}
              swapped={swapped !== null && swapped === one.generation}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Order = 'reload' | 'rollback';

function Orders({ id, generations, changed }: { id: string; generations: Generation[]; changed: () => void }) {
  const w = words.value.plugins;
  const [open, setOpen] = useState<Order | null>(null);
  const [discard, setDiscard] = useState(false);
  const [said, setSaid] = useState('');
  const canRollBack = generations.some((one) => one.state === 'fallback');
  const act = async (order: Order): Promise<void> => {
    await post(`${path('plugins', id, order)}?discard_state=${String(discard)}`);
    setSaid(order === 'reload' ? w.reloaded(id) : w.rolledBack(id));
  };
  return (
    <>
      <div class="buttons">
        <button type="button" class="button quiet" aria-label={`${w.reload}: ${id}`} onClick={() => setOpen('reload')}>
          {w.reload}
        </button>
        <button
          type="button"
          class="button quiet"
          aria-label={`${w.rollback}: ${id}`}
          disabled={!canRollBack}
          onClick={() => setOpen('rollback')}
        >
          {w.rollback}
        </button>
      </div>
      <span class="small said" role="status">
        {said}
      </span>
      {open && (
        <Ask
          title={open === 'reload' ? w.reloadTitle(id) : w.rollbackTitle(id)}
          text={open === 'reload' ? w.reloadText : w.rollbackText}
          action={open === 'reload' ? w.reload : w.rollback}
          act={() => act(open)}
          closed={(done) => {
            setOpen(null);
            setDiscard(false);
            if (done) changed();
          }}
        >
          <label class="tick">
            <input
              type="checkbox"
              checked={discard}
              onChange={(event) => setDiscard(event.currentTarget.checked)}
            />
            {w.discard}
          </label>
        </Ask>
      )}
    </>
  );
}

export function PluginPanel(props: { group: PluginGroup; changed: () => void; mayChange: boolean; linked?: boolean }) {
  const { group } = props;
  const w = words.value.plugins;
  const first = group.generations[0];
  if (!first) return null;
  const none = words.value.app.none;
  // A file that was refused says nothing of what it would do.
  const refused = first.state === 'refused';
  const codes = (names: readonly string[]) =>
    names.length > 0 ? (
      <span class="chips">
        {names.map((name) => (
          <code key={name}>{name}</code>
        ))}
      </span>
    ) : (
      none
    );
  return (
    <section class="panel" aria-label={group.id || w.nameless}>
      <div class="panel-head">
        <h2>
          {group.id ? props.linked ? <a href={hrefOf({ page: 'plugin', id: group.id })}>{group.id}</a> : w.generations : w.nameless}
        </h2>
        {group.id && props.mayChange && <Orders id={group.id} generations={group.generations} changed={props.changed} />}
      </div>
      <Generations group={group} />
      <Facts
        facts={[
          !refused && ([w.modes, first.modes.length > 0 ? list(first.modes) : none] as const),
          !refused && ([w.types, codes(first.message_types)] as const),
          !refused && ([w.grants, codes(first.grants)] as const),
          !props.linked && ([w.contract, first.track ?? '–'] as const),
          (!props.linked || refused) && ([w.file, <code>{first.file}</code>] as const),
        ]}
      />
    </section>
  );
}

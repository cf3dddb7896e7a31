// All plugins with their generations, and one plugin with its timeline. Rule: the list is the feed's, so that a swap
// shows the moment it happens; what an operator does asks first and says what came of it.
import { useEffect, useState } from 'preact/hooks';
import { ApiError, getAnswer, path } from '../../api/client';
import { plugins, setPlugins } from '../../api/feed';
import { useRole } from '../../api/role';
import type { Generation } from '../../api/types';
import { hrefOf } from '../../app/route';
import { FailureNote, PageHead, UnansweredNote } from '../../parts/basics';
import { Watch } from '../../parts/watch';
import { words } from '../../words';
import { apartOf, nodesOf } from './apart';
import { PluginPanel } from './plugin-panel';
import './upload.css';
import { Upload } from './upload-panel';

// Calls are counted in the list, but do not make the feed send it again.
const COUNTS_EVERY_MS = 5_000;

export interface PluginGroup {
  id: string;
  generations: Generation[];
  /** Those of them that only some nodes of the cluster have. */
  apart: readonly Generation[];
}

const RANK = ['active', 'trial', 'candidate', 'compiling', 'fallback', 'rolled-back', 'refused'];

/** Generations by plugin: what serves first, then the newest. */
export function grouped(list: readonly Generation[]): PluginGroup[] {
  const groups = new Map<string, Generation[]>();
  const nodes = nodesOf(list);
  for (const one of list) groups.set(one.id, [...(groups.get(one.id) ?? []), one]);
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, generations]) => ({
      id,
      generations: generations.sort(
        (a, b) => RANK.indexOf(a.state) - RANK.indexOf(b.state) || (b.generation ?? 0) - (a.generation ?? 0),
      ),
      apart: apartOf(generations, nodes),
    }));
}

/** Asks for the list now and then while it is shown. */
function usePlugins(): { failure: ApiError | null; unanswered: readonly string[]; again: () => void } {
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [unanswered, setUnanswered] = useState<readonly string[]>([]);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const closed = new AbortController();
    const ask = (): void => {
      if (document.hidden) return;
      getAnswer(path('plugins'), closed.signal).then(
        ({ text, unanswered: names }) => {
          setPlugins(JSON.parse(text) as Generation[]);
          setUnanswered(names);
          setFailure(null);
        },
        (error: unknown) => {
          if (!closed.signal.aborted) setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
        },
      );
    };
    ask();
    const timer = setInterval(ask, COUNTS_EVERY_MS);
    return () => {
      clearInterval(timer);
      closed.abort();
    };
  }, [round]);
  return { failure, unanswered, again: () => setRound((before) => before + 1) };
}

export function PluginsPage() {
  const w = words.value.plugins;
  const { failure, unanswered, again } = usePlugins();
  const role = useRole();
  const list = plugins.value;
  return (
    <>
      <PageHead title={w.title} lead={list?.length === 0 ? w.none : w.lead} />
      <FailureNote failure={failure} />
      <UnansweredNote names={unanswered} />
      {!list && !failure && <p class="muted">{words.value.app.loading}</p>}
      <div class="stack">
        {grouped(list ?? []).map((group) => (
          <PluginPanel key={group.id} group={group} changed={again} mayChange={role === 'operator'} linked />
        ))}
      </div>
      {role === 'operator' && <Upload changed={again} />}
    </>
  );
}

export function PluginPage({ id }: { id: string }) {
  const w = words.value.plugins;
  const { failure, unanswered, again } = usePlugins();
  const role = useRole();
  const list = plugins.value;
  const group = grouped(list ?? []).find((one) => one.id === id);
  return (
    <>
      <div class="stack tight">
        <p class="small">
          <a href={hrefOf({ page: 'plugins' })}>{w.back}</a>
        </p>
        <PageHead title={id} lead={list && !group ? w.unknown : undefined} />
      </div>
      <FailureNote failure={failure} />
      <UnansweredNote names={unanswered} />
      {group && <PluginPanel group={group} changed={again} mayChange={role === 'operator'} />}
      {group && <Watch path={path('plugins', id, 'watch')} columns="plugin" />}
    </>
  );
}

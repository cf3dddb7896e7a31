// All devices, connected ones first. Rule: ten thousand rows scroll as ten do; the list is asked for while it is shown,
// and sorted once for each answer.
import { useCallback, useMemo, useRef, useState } from 'preact/hooks';
import { path } from '../api/client';
import { usePolled } from '../api/poll';
import type { Session } from '../api/types';
import { hrefOf } from '../app/route';
import { FailureNote, PageHead, UnansweredNote } from '../parts/basics';
import { VirtualList } from '../parts/virtual-list';
import { language, words } from '../words';
import { count, labelled, list } from '../words/format';
import { matching, sorted } from './device-list';

const LIST_EVERY_MS = 3_000;
const ROW_HEIGHT = 44;
// After the last movement of the list; meanwhile it is not asked for.
const SCROLLING_MS = 400;

export function Devices() {
  const w = words.value.devices;
  const scrolled = useRef(-Infinity);
  const busy = useCallback(() => performance.now() - scrolled.current < SCROLLING_MS, []);
  const sessions = usePolled<Session[]>(path('sessions'), LIST_EVERY_MS, busy);
  const [search, setSearch] = useState('');
  const all = useMemo(() => sorted(sessions.value ?? []), [sessions.value]);
  const shown = useMemo(() => matching(all, search), [all, search]);
  const connected = useMemo(() => all.filter((one) => one.connected).length, [all]);
  const isCluster = useMemo(() => all.some((one) => one.node != null), [all]);
  const cells = useCallback(
    (row: number) => {
      const one = shown[row];
      if (!one) return [];
      return [
        <span class="placed">
          <a href={hrefOf({ page: 'device', id: one.device })}>{one.device}</a>
          {one.node != null && (
            <span class="badge">
              <span class="visually-hidden">{labelled(words.value.nodes.node)}</span>
              {one.node}
            </span>
          )}
        </span>,
        <span class={one.connected ? 'presence on' : 'presence'}>{one.connected ? w.on : w.off}</span>,
        one.mode ?? <span class="muted">{w.defaultMode}</span>,
        count(one.live_instances),
      ];
    },
    [shown, language.value],
  );
  const known = sessions.value !== null;
  return (
    <>
      <PageHead
        title={w.title}
        lead={known ? w.lead(all.length, count(all.length), count(connected)) : words.value.app.loading}
      />
      <FailureNote failure={sessions.failure} />
      <UnansweredNote names={sessions.unanswered} />
      {known && all.length === 0 && (
        <div class="panel">
          <h2>{w.none}</h2>
          <p>{w.noneText}</p>
          <div class="buttons">
            <a class="button" href={hrefOf({ page: 'simulator' })}>
              {words.value.overview.nextButton}
            </a>
          </div>
        </div>
      )}
      {all.length > 0 && (
        <div class="stack">
          <search class="field narrow">
            <label for="device-search">{w.search}</label>
            <input
              id="device-search"
              type="search"
              autoComplete="off"
              spellcheck={false}
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </search>
          <p class="small muted" role="status">
            {search.trim() === '' ? '' : shown.length > 0 ? w.matches(shown.length, count(shown.length)) : w.noMatch(search.trim())}
          </p>
          {shown.length > 0 && (
            <VirtualList
              label={w.list}
              head={[isCluster ? list([w.id, words.value.nodes.node]) : w.id, w.state, w.mode, w.instances]}
              rows={shown.length}
              rowHeight={ROW_HEIGHT}
              cells={cells}
              scrolling={() => {
                scrolled.current = performance.now();
              }}
            />
          )}
        </div>
      )}
    </>
  );
}

// The lines of a log, followed or read at leisure. Rule: a few hundred rows at most, whatever is kept; who scrolls up,
// opens a line or goes to one by keyboard is not moved away from it, until the button follows again.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { FailureNote } from '../../parts/basics';
import { words } from '../../words';
import { count } from '../../words/format';
import { save } from '../documents/save';
import { entriesText } from './line-text';
import { Row } from './row';
import { drawnOf, endOf, type Entry, ROWS_DRAWN, ROWS_MOVED } from './tail';
import { useTail, type Wanted } from './use-tail';

/** So near to the end is at the end. */
const END_PX = 24;

function CopyButtons({ entries, name }: { entries: readonly Entry[]; name: string }) {
  const { app, logs: w } = words.value;
  const [said, setSaid] = useState('');
  const text = (): string =>
    entriesText(entries, { missed: (lines) => w.missed(lines, count(lines)), restarted: w.restarted });
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      setSaid(app.copied);
    } catch {
      // No clipboard without https or localhost.
      setSaid(w.noCopy);
    }
  };
  return (
    <>
      <span class="small muted" role="status">
        {said}
      </span>
      <button type="button" class="button quiet" aria-label={w.copyLabel} onClick={() => void copy()}>
        {w.copy}
      </button>
      <button
        type="button"
        class="button quiet"
        onClick={() => save(new Blob([text()], { type: 'text/plain' }), `modehost-${name}`, 'txt')}
      >
        {w.save}
      </button>
    </>
  );
}

function Nothing({ wanted }: { wanted: Wanted }) {
  const w = words.value.logs;
  if (wanted.level !== '' || wanted.search !== '') return <p class="muted">{w.noMatch}</p>;
  const isAudit = wanted.source === 'audit';
  return (
    <div class="panel">
      <h2>{isAudit ? w.auditNone : w.none}</h2>
      <p>{isAudit ? w.auditNoneText : w.noneText}</p>
    </div>
  );
}

/** Goes from line to line by the keys of a list. */
function move(event: KeyboardEvent, list: HTMLElement): void {
  if (!(event.target instanceof HTMLElement) || event.target.tagName !== 'SUMMARY') return;
  const all = [...list.querySelectorAll<HTMLElement>(':scope > li > details > summary')];
  const at = all.indexOf(event.target);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  all[to]?.focus();
}

export function Lines({ wanted }: { wanted: Wanted }) {
  const { app, logs: w } = words.value;
  const [isFollowing, setFollowing] = useState(true);
  // The last entry that is drawn; null: the newest.
  const [end, setEnd] = useState<string | null>(null);
  const [stop, setStop] = useState('');
  const [isBusy, setBusy] = useState(false);
  const { tail, failure, earlier } = useTail(wanted, isFollowing);
  const view = useRef<HTMLDivElement>(null);
  const top = useRef(0);
  // A row that stays where it is while others come before it.
  const anchor = useRef<{ key: string; top: number } | null>(null);
  const { entries } = tail;
  const drawn = drawnOf(entries.length, endOf(entries, end));
  const rows = entries.slice(drawn.first, drawn.end);
  const lines = rows.filter((entry) => entry.kind === 'line');
  const stopKey = lines.some((entry) => entry.key === stop) ? stop : lines.at(-1)?.key;

  const pause = (): void => {
    if (!isFollowing) return;
    setFollowing(false);
    setEnd(entries.at(-1)?.key ?? null);
  };
  const follow = (): void => {
    setEnd(null);
    setFollowing(true);
  };
  const hold = (key: string | undefined): void => {
    const row = view.current?.querySelector(`[data-key="${CSS.escape(key ?? '')}"]`);
    if (key !== undefined && row) anchor.current = { key, top: row.getBoundingClientRect().top };
  };
  useLayoutEffect(() => {
    const element = view.current;
    if (!element) return;
    if (isFollowing) element.scrollTop = element.scrollHeight;
    else if (anchor.current) {
      const row = element.querySelector<HTMLElement>(`[data-key="${CSS.escape(anchor.current.key)}"]`);
      if (row) {
        element.scrollTop += row.getBoundingClientRect().top - anchor.current.top;
        // What was pressed may be gone: one reads on where one was.
        row.querySelector<HTMLElement>('summary')?.focus({ preventScroll: true });
      }
    }
    anchor.current = null;
    top.current = element.scrollTop;
  }, [isFollowing, entries, drawn.first, drawn.end]);
  const scrolled = (): void => {
    const element = view.current;
    if (!element) return;
    const isUp = element.scrollTop < top.current;
    top.current = element.scrollTop;
    if (isUp && element.scrollHeight - element.clientHeight - element.scrollTop > END_PX) pause();
  };
  /** Draws rows before or behind these, and goes on reading at one of them. */
  const turn = (all: readonly Entry[], to: number, at: string | undefined): void => {
    hold(at);
    setEnd(all[Math.min(all.length, Math.max(to, ROWS_DRAWN)) - 1]?.key ?? null);
  };
  const showEarlier = async (): Promise<void> => {
    if (isBusy) return;
    pause();
    const at = lines[0]?.key;
    if (drawn.first > 0) return turn(entries, drawn.end - ROWS_MOVED, at);
    const last = entries[drawn.end - 1]?.key;
    setBusy(true);
    hold(at);
    const { entries: all } = await earlier();
    setBusy(false);
    if (all.length > entries.length) turn(all, (endOf(all, last ?? null) ?? 0) - ROWS_MOVED, at);
  };
  const isKnown = tail.last !== null;
  let said = '';
  if (!isKnown) said = failure ? '' : app.loading;
  else if (!failure) said = isFollowing ? w.following : w.paused;
  return (
    <div class="stack log">
      <FailureNote failure={failure} />
      <div class="log-tools">
        <p class="small muted">
          <span role="status">{said}</span> {entries.length > 0 && <span>{w.shown(entries.length, count(entries.length))}</span>}
        </p>
        {isKnown && (
          <div class="buttons">
            {entries.length > 0 && <CopyButtons entries={entries} name={wanted.source} />}
            <button type="button" class={isFollowing ? 'button quiet' : 'button'} onClick={isFollowing ? pause : follow}>
              {isFollowing ? w.pause : w.follow}
            </button>
          </div>
        )}
      </div>
      {isKnown && entries.length === 0 && <Nothing wanted={wanted} />}
      {entries.length > 0 && (
        <div class="log-view" ref={view} onScroll={scrolled}>
          {(drawn.first > 0 || tail.mayHaveEarlier) && (
            <button type="button" class="button quiet" aria-disabled={isBusy} onClick={() => void showEarlier()}>
              {w.earlier}
            </button>
          )}
          <p id="log-hint" class="visually-hidden">
            {w.hint}
          </p>
          <ol
            aria-label={w.list}
            aria-describedby="log-hint"
            onKeyDown={(event) => move(event, event.currentTarget)}
            onFocusIn={(event) => {
              if (event.target instanceof Element && event.target.matches(':focus-visible')) pause();
            }}
          >
            {rows.map((entry) => (
              <Row key={entry.key} entry={entry} isStop={entry.key === stopKey} opened={pause} focused={setStop} />
            ))}
          </ol>
          {drawn.end < entries.length && (
            <button type="button" class="button quiet" onClick={() => turn(entries, drawn.end + ROWS_MOVED, lines.at(-1)?.key)}>
              {w.later}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

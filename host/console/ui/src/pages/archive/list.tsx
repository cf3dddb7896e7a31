// The finished work of a kind, newest first, and the search in it. Rule: a search is a line of the audit, so the server
// is asked once one has stopped typing, and never again by itself; a way back from an entry finds the list as it was.
import { useEffect, useRef, useState } from 'preact/hooks';
import { token, type ApiError } from '../../api/client';
import { hrefOf } from '../../app/route';
import { FailureNote } from '../../parts/basics';
import { words } from '../../words';
import { count, sentences } from '../../words/format';
import { address, ask, failureOf } from '../documents/call';
import { ENTRIES_KEPT, extended, gather, marked, type Entry, type EntryPage, type Listing } from './search';
import { When } from './when';

const TYPING_MS = 600;
const PAGE = '50';

/** What is asked for. */
interface Wanted {
  search: string;
  device: string;
}

interface Left {
  kind: string;
  /** Whoever signs in with another token sees nothing of it. */
  token: string | null;
  wanted: Wanted;
  listing: Listing;
  /** How many there were of the kind when it was asked for. */
  entries: number;
}

/** The list that was last looked at. */
let left: Left | null = null;

function leftOf(kind: string): Left | null {
  return left !== null && left.kind === kind && left.token === token.peek() ? left : null;
}

/** The list of a kind as it is wanted. What is known stays until there is something newer. */
function useListing(kind: string, wanted: Wanted, entries: number) {
  const [known, setKnown] = useState<Left | null>(() => leftOf(kind));
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const asking = useRef<AbortController | null>(null);
  const from = useRef<Listing | null>(null);
  const isAsBefore = useRef(known !== null);
  const load = async (before: Listing | null): Promise<Entry | undefined> => {
    asking.current?.abort();
    const closed = new AbortController();
    asking.current = closed;
    from.current = before;
    setBusy(true);
    setFailure(null);
    try {
      const page = await gather(async (after) => {
        const text = await ask(address(['archive', kind], { ...wanted, after, limit: PAGE }), closed.signal);
        return JSON.parse(text) as EntryPage;
      }, before?.next ?? '');
      const counted = before && known ? known.entries : entries;
      left = { kind, token: token.peek(), wanted, listing: extended(before, page), entries: counted };
      setKnown(left);
      return page.entries[0];
    } catch (error) {
      if (!closed.signal.aborted) setFailure(failureOf(error));
      return undefined;
    } finally {
      if (!closed.signal.aborted) setBusy(false);
    }
  };
  useEffect(() => {
    // As it was left: nothing to ask for.
    if (isAsBefore.current) isAsBefore.current = false;
    else void load(null);
  }, [wanted]);
  useEffect(() => () => asking.current?.abort(), []);
  const current = known?.wanted === wanted;
  return {
    listing: known?.listing ?? null,
    /** Whether it belongs to what is wanted. */
    current,
    newer: known ? entries - known.entries : 0,
    failure,
    busy,
    more: () => (current && known ? load(known.listing) : Promise.resolve(undefined)),
    refresh: () => load(null),
    retry: () => load(from.current),
  };
}

function Marked({ text, search }: { text: string; search: string }) {
  return <>{marked(text, search).map((piece, index) => (piece.found ? <mark key={index}>{piece.text}</mark> : piece.text))}</>;
}

function Row({ kind, entry, search }: { kind: string; entry: Entry; search: string }) {
  const { id, title, at, device, excerpt } = entry;
  return (
    <li data-id={id}>
      <h3>
        <a href={hrefOf({ page: 'archive', kind, id })}>
          <Marked text={title || id} search={search} />
        </a>
      </h3>
      <p class="small muted about">
        <When at={at} />
        {device !== null && <a href={hrefOf({ page: 'device', id: device })}>{device}</a>}
      </p>
      {excerpt !== null && excerpt !== '' && (
        <p class="small excerpt">
          <Marked text={excerpt} search={search} />
        </p>
      )}
    </li>
  );
}

function Fields({ wanted, devices, want }: { wanted: Wanted; devices: readonly string[]; want: (next: Wanted) => void }) {
  const w = words.value.archive;
  const [typed, setTyped] = useState(wanted.search);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const now = useRef(wanted);
  now.current = wanted;
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (change: Partial<Wanted>): void => {
    clearTimeout(timer.current);
    const next = { ...now.current, ...change };
    if (next.search !== now.current.search || next.device !== now.current.device) want(next);
  };
  return (
    <search class="filters">
      <div class="field narrow">
        <label for="archive-search">{w.search}</label>
        <input
          id="archive-search"
          type="search"
          autoComplete="off"
          value={typed}
          onInput={(event) => {
            const text = event.currentTarget.value;
            setTyped(text);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => settle({ search: text.trim() }), TYPING_MS);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.isComposing) settle({ search: event.currentTarget.value.trim() });
          }}
        />
      </div>
      {(devices.length > 1 || wanted.device !== '') && (
        <div class="field">
          <label for="archive-device">{w.ofDevice}</label>
          <select
            id="archive-device"
            value={wanted.device}
            onChange={(event) => settle({ device: event.currentTarget.value, search: typed.trim() })}
          >
            <option value="">{w.anyDevice}</option>
            {devices.map((device) => (
              <option key={device} value={device}>
                {device}
              </option>
            ))}
          </select>
        </div>
      )}
    </search>
  );
}

/** The devices that were seen in a list, and the chosen one. */
function useDevices(listing: Listing | null, chosen: string): string[] {
  const seen = useRef(new Set<string>());
  if (chosen !== '') seen.current.add(chosen);
  for (const { device } of listing?.entries ?? []) if (device !== null) seen.current.add(device);
  return [...seen.current].sort();
}

export function EntryList({ kind, entries }: { kind: string; entries: number }) {
  const w = words.value.archive;
  const [wanted, setWanted] = useState<Wanted>(() => leftOf(kind)?.wanted ?? { search: '', device: '' });
  const { listing, current, newer, failure, busy, more, refresh, retry } = useListing(kind, wanted, entries);
  const devices = useDevices(listing, wanted.device);
  const place = useRef<HTMLOListElement>(null);
  const shown = listing?.entries ?? [];
  const isSearch = wanted.search !== '' || wanted.device !== '';
  /** Loads, and goes on reading at the first one that has come. */
  const readOn = async (load: () => Promise<Entry | undefined>): Promise<void> => {
    if (busy) return;
    const first = await load();
    if (!first) return;
    requestAnimationFrame(() => {
      place.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(first.id)}"] a`)?.focus();
    });
  };
  const found = shown.length + (listing?.dropped ?? 0);
  let said = '';
  if (busy) said = wanted.search === '' ? words.value.app.loading : w.searching;
  else if (listing && current && isSearch) {
    const all = listing.next === null ? w.searchedAll : w.searched(count(listing.searched));
    said = sentences(found === 0 ? w.notFound : w.found(found, count(found)), all);
  }
  return (
    <section class="stack" aria-label={kind}>
      <h2 class="visually-hidden">{kind}</h2>
      <Fields wanted={wanted} devices={devices} want={setWanted} />
      <p class="small muted" role="status">
        {said}
      </p>
      <FailureNote failure={failure} />
      {failure && (
        <div class="buttons">
          <button type="button" class="button quiet" onClick={() => void readOn(retry)}>
            {words.value.app.retry}
          </button>
        </div>
      )}
      {newer > 0 && !busy && (
        <p class="note newer">
          {w.newer(count(newer))}{' '}
          <button type="button" class="button quiet" onClick={() => void readOn(refresh)}>
            {w.showNewer}
          </button>
        </p>
      )}
      {listing && listing.dropped > 0 && (
        <p class="note newer">
          {w.dropped(count(ENTRIES_KEPT), count(listing.dropped))}{' '}
          <button type="button" class="button quiet" onClick={() => void readOn(refresh)}>
            {w.toNewest}
          </button>
        </p>
      )}
      {shown.length > 0 && (
        <ol class="panel entries" ref={place} aria-label={w.list(kind)}>
          {shown.map((entry) => (
            <Row key={entry.id} kind={kind} entry={entry} search={wanted.search} />
          ))}
        </ol>
      )}
      {listing && current && found === 0 && !isSearch && !busy && <p class="muted">{w.emptyKind}</p>}
      {listing && current && listing.next !== null && !failure && (
        <div class="buttons">
          <button type="button" class="button quiet" aria-disabled={busy} onClick={() => void readOn(more)}>
            {isSearch ? w.searchOn : words.value.records.more}
          </button>
        </div>
      )}
    </section>
  );
}

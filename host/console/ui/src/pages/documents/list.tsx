// All documents by their keys. Rule: the first page is asked for again while it is shown, further ones only on demand;
// the search keeps the focus, and the server is asked once one has stopped typing.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../../api/client';
import { usePolled } from '../../api/poll';
import { useRole } from '../../api/role';
import { hrefOf } from '../../app/route';
import { FailureNote, PageHead } from '../../parts/basics';
import { words } from '../../words';
import { bytes, count } from '../../words/format';
import { address, ask, failureOf } from './call';
import { DOCUMENTS_KEPT, extended, groups, refreshed, type Document, type DocumentPage } from './listing';

const LIST_EVERY_MS = 10_000;
const TYPING_MS = 350;
const PAGE = '100';

/** A value that changes no more once it has stayed for a while. */
export function useSettled<T>(value: T, after: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return settled;
}

function Rows({ documents, linked }: { documents: readonly Document[]; linked: boolean }) {
  const w = words.value.documents;
  const parts = groups(documents);
  return (
    <table class="records list">
      <caption class="visually-hidden">{w.list}</caption>
      <thead>
        <tr>
          <th scope="col">{w.key}</th>
          <th scope="col" class="end">
            {w.version}
          </th>
          <th scope="col" class="end">
            {w.size}
          </th>
        </tr>
      </thead>
      {parts.map((group) => (
        <tbody key={group.name}>
          {parts.length > 1 && (
            <tr class="group">
              <th scope="rowgroup" colSpan={3}>
                {group.name || w.ungrouped} <span class="muted">{count(group.documents.length)}</span>
              </th>
            </tr>
          )}
          {group.documents.map((one) => (
            <tr key={one.key} data-key={one.key}>
              <th scope="row">
                {linked && one.key !== '' ? <a href={hrefOf({ page: 'documents', key: one.key })}>{one.key}</a> : one.key || '–'}
              </th>
              <td class="end">{count(one.version)}</td>
              <td class="end">{bytes(one.bytes)}</td>
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}

interface Known {
  /** The search that it belongs to. */
  search: string;
  list: DocumentPage;
}

/** The list for a search, with what asks for more of it. */
function useList(search: string) {
  const target = address(['documents'], { search, limit: PAGE });
  const first = usePolled<DocumentPage>(target, LIST_EVERY_MS);
  const [known, setKnown] = useState<Known | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  // What was asked for the last search says nothing about this one.
  const asking = useRef<AbortController | null>(null);
  useEffect(() => {
    setBusy(false);
    setFailure(null);
    return () => asking.current?.abort();
  }, [search]);
  useEffect(() => {
    const page = first.value;
    if (page) setKnown((before) => ({ search, list: refreshed(before?.search === search ? before.list : null, page) }));
  }, [first.value]);
  const more = async (): Promise<string | undefined> => {
    if (!known || known.list.next === null || busy) return undefined;
    const closed = new AbortController();
    asking.current = closed;
    setBusy(true);
    setFailure(null);
    try {
      const text = await ask(address(['documents'], { search, limit: PAGE, after: known.list.next }), closed.signal);
      const page = JSON.parse(text) as DocumentPage;
      setKnown((before) => (before?.search === search ? { search, list: extended(before.list, page) } : before));
      return page.documents[0]?.key;
    } catch (error) {
      if (!closed.signal.aborted) setFailure(failureOf(error));
      return undefined;
    } finally {
      if (!closed.signal.aborted) setBusy(false);
    }
  };
  return { known, busy, failure: first.failure ?? failure, more, current: known?.search === search };
}

export function DocumentList() {
  const w = words.value.documents;
  const role = useRole();
  const [typed, setTyped] = useState('');
  const search = useSettled(typed.trim(), TYPING_MS);
  const { known, busy, failure, more, current } = useList(search);
  const place = useRef<HTMLDivElement>(null);
  const list = known?.list;
  const shown = list?.documents ?? [];
  const isEmpty = known !== null && known.search === '' && shown.length === 0 && typed === '';
  const full = shown.length >= DOCUMENTS_KEPT;
  const table = useMemo(() => <Rows documents={shown} linked={role === 'operator'} />, [list, role, words.value]);
  const goOn = async (): Promise<void> => {
    const key = await more();
    if (key === undefined) return;
    // The first one that has come, so that reading goes on there.
    requestAnimationFrame(() => {
      place.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"] a`)?.focus();
    });
  };
  let said = '';
  if (known && current && search !== '') {
    const n = count(shown.length);
    if (shown.length === 0) said = w.noMatch(search);
    else said = list?.next === null ? w.matches(shown.length, n) : w.matchesMore(n);
  }
  return (
    <>
      <PageHead title={words.value.app.documents} lead={known || failure ? w.lead : words.value.app.loading} />
      <FailureNote failure={failure} />
      {isEmpty && (
        <div class="panel">
          <h2>{w.none}</h2>
          <p>{w.noneText}</p>
        </div>
      )}
      {known && !isEmpty && (
        <div class="stack" ref={place}>
          <search class="field narrow">
            <label for="document-search">{w.search}</label>
            <input
              id="document-search"
              type="search"
              autoComplete="off"
              spellcheck={false}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </search>
          {role === 'viewer' && <p class="note">{w.viewer}</p>}
          <p class="small muted" role="status">
            {said}
          </p>
          {shown.length > 0 && <div class="panel">{table}</div>}
          {list && list.next !== null && !full && (
            <div class="buttons">
              <button type="button" class="button quiet" aria-disabled={busy} onClick={() => void goOn()}>
                {words.value.records.more}
              </button>
            </div>
          )}
          {full && <p class="small muted">{w.full(count(DOCUMENTS_KEPT))}</p>}
        </div>
      )}
    </>
  );
}

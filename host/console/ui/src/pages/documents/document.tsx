// One document with its value. Rule: who reads a value is a line of the audit, so only the list is asked for its version,
// and the value anew when that has changed; what was read stays while the server does not answer.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../../api/client';
import { usePolled } from '../../api/poll';
import { useRole } from '../../api/role';
import { hrefOf } from '../../app/route';
import { FailureNote, PageHead } from '../../parts/basics';
import { words } from '../../words';
import { bytes, count, sentences } from '../../words/format';
import { address, ask, failureOf, focusTitle } from './call';
import { member, readJson, type Value } from './json';
import type { DocumentPage } from './listing';
import { ValueView } from './value';

const VERSION_EVERY_MS = 5_000;
/** How long a change is called one of just now. */
const JUST_NOW_MS = 15_000;

interface Read {
  version: number;
  value: Value;
}

/** The document of an answer. */
export function readDocument(text: string): Read {
  const answer = readJson(text);
  const value = member(answer, 'value') ?? { kind: 'word', text: 'null' };
  const version = member(answer, 'version');
  return { version: version?.kind === 'number' ? Number(version.text) : 0, value };
}

/** The value of a document, read for each of its versions. */
function useValue(key: string, version: number | undefined, gone: boolean, may: boolean) {
  const [read, setRead] = useState<Read | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [changed, setChanged] = useState(false);
  const [round, setRound] = useState(0);
  const last = useRef<Read | null>(null);
  useEffect(() => {
    if (!may || version === undefined || last.current?.version === version) return undefined;
    const closed = new AbortController();
    ask(address(['documents', 'value'], { key }), closed.signal)
      .then((text) => {
        const next = readDocument(text);
        if (last.current && last.current.version !== next.version) setChanged(true);
        last.current = next;
        setRead(next);
        setFailure(null);
      })
      .catch((error: unknown) => {
        if (!closed.signal.aborted) setFailure(failureOf(error));
      });
    return () => closed.abort();
  }, [key, version, may, round]);
  useEffect(() => {
    // One that is written again begins with the first version again.
    if (gone) last.current = null;
  }, [gone]);
  useEffect(() => {
    if (!changed) return undefined;
    const timer = setTimeout(() => setChanged(false), JUST_NOW_MS);
    return () => clearTimeout(timer);
  }, [changed, read]);
  const again = (): void => {
    focusTitle();
    setRound((before) => before + 1);
  };
  return { read, failure, changed, again };
}

export function DocumentPageView({ id }: { id: string }) {
  const w = words.value.documents;
  const role = useRole();
  const list = usePolled<DocumentPage>(address(['documents'], { prefix: id, limit: '1' }), VERSION_EVERY_MS);
  const first = list.value?.documents[0];
  const found = first?.key === id ? first : undefined;
  const gone = list.value !== null && !found;
  const { read, failure, changed, again } = useValue(id, found?.version, gone, role === 'operator');
  const shown = read?.version ?? found?.version;
  let lead: string = words.value.app.loading;
  if (gone) lead = read ? w.removed : w.unknown;
  else if (found && shown !== undefined) lead = sentences(w.state(count(shown), bytes(found.bytes)), changed ? w.changed : '');
  else if (list.failure) lead = '';
  return (
    <>
      <div class="stack tight">
        <p class="small">
          <a href={hrefOf({ page: 'documents', key: '' })}>{w.back}</a>
        </p>
        <PageHead title={id} lead={lead === '' ? undefined : lead} />
      </div>
      <p class="visually-hidden" role="status">
        {changed && shown !== undefined ? w.changedTo(count(shown)) : ''}
      </p>
      <FailureNote failure={list.failure} />
      {!list.failure && failure && (
        <div class="stack tight">
          <FailureNote failure={failure} />
          <div class="buttons">
            <button type="button" class="button quiet" onClick={again}>
              {words.value.app.retry}
            </button>
          </div>
        </div>
      )}
      {role === 'viewer' && found && <p class="note">{w.viewer}</p>}
      {read && (
        <>
          <ValueView value={read.value} file={id} />
          <p class="small muted">{w.audited}</p>
        </>
      )}
    </>
  );
}

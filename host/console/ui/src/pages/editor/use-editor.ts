// The state of the editor: the file, the text, what the server says of it, what somebody else has made of the file.
// Rule: the server is asked 600 ms after the last change and on demand, for one text at a time; an answer about an older
// text is dropped; nothing of the reader's is given up but by the reader.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../../api/client';
import { draft } from '../draft';
import { check, failureOf, fetchFile, type PageFile, write } from './file';
import { onto, type Onto } from './onto';
import { type Problem, problemOf, SENT } from './problems';
import type { Checked, Written } from './types';

const REST_MS = 600;

/** What the server has said of the text as it stands. */
export type Verdict =
  | { state: 'none' }
  | { state: 'asking' }
  | { state: 'valid'; checked: Checked }
  | { state: 'invalid'; problems: Problem[] }
  | { state: 'failed'; failure: ApiError };

export interface Conflict {
  theirs: PageFile;
  /** My changes on top of theirs; null if they cannot be carried over. */
  onTop: Onto | null;
}

/** What has just been done, for a sentence. */
export type Done = { what: 'applied'; written: Written } | { what: 'took' } | { what: 'on top'; both: number };

export interface Editing {
  file: PageFile | null;
  failure: ApiError | null;
  /** What the text field begins with. */
  start: { text: string };
  text: string;
  changed: boolean;
  verdict: Verdict;
  conflict: Conflict | null;
  done: Done | null;
  load: () => void;
  type: (text: string) => void;
  /** Asks now; null unless the text can be applied. */
  check: () => Promise<Checked | null>;
  apply: () => Promise<void>;
  discard: () => void;
  takeTheirs: () => void;
  goOnTop: () => void;
}

export function useEditor(): Editing {
  const [file, setFile] = useState<PageFile | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [start, setStart] = useState({ text: '' });
  const [text, setText] = useState('');
  const [verdict, setVerdict] = useState<Verdict>({ state: 'none' });
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [done, setDone] = useState<Done | null>(null);
  const now = useRef({ file, text });
  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const asked = useRef<AbortController>(undefined);

  const quiet = (): void => {
    clearTimeout(resting.current);
    asked.current?.abort();
  };
  const keep = (of: PageFile, next: string): void => {
    now.current = { file: of, text: next };
    setText(next);
    // Who may not write has no draft, and takes away nobody's.
    if (!of.writable) return;
    draft.value = next === of.text ? null : { base: { text: of.text, version: of.version }, text: next };
  };
  const begin = (of: PageFile, next: string): void => {
    quiet();
    setFile(of);
    setConflict(null);
    setVerdict({ state: 'none' });
    keep(of, next);
    setStart({ text: next });
  };
  const collide = (theirs: PageFile): void => {
    quiet();
    const { file: base, text: mine } = now.current;
    if (!base) return;
    setVerdict({ state: 'none' });
    setConflict({ theirs, onTop: theirs.writable ? onto(base.text, mine, theirs.text) : null });
  };

  const load = async (closed?: AbortSignal): Promise<void> => {
    setFailure(null);
    let known: PageFile;
    try {
      known = await fetchFile(closed);
    } catch (error) {
      if (!closed?.aborted) setFailure(failureOf(error));
      return;
    }
    const kept = draft.value;
    if (!kept || !known.writable ) return begin(known, known.text);
    const isSame = kept.base.version === known.version;
    begin(isSame ? known : { ...known, ...kept.base }, kept.text);
    if (isSame) later();
    else collide(known);
  };
  useEffect(() => {
    const closed = new AbortController();
    void load(closed.signal);
    return () => {
      closed.abort();
      quiet();
    };
  }, []);

  const ask = async (): Promise<Checked | null> => {
    quiet();
    const { file: of, text: its } = now.current;
    if (!of) return null;
    const closed = new AbortController();
    asked.current = closed;
    setVerdict({ state: 'asking' });
    try {
      const checked = await check(of, its, closed.signal);
      if (closed.signal.aborted) return null;
      setVerdict({ state: 'valid', checked });
      return checked;
    } catch (error) {
      if (!closed.signal.aborted) await refused(error, closed.signal);
      return null;
    }
  };
  const refused = async (error: unknown, closed?: AbortSignal): Promise<void> => {
    const known = failureOf(error);
    if (known.status === 422) {
      const texts = known.problems.length > 0 ? known.problems : [known.sentence];
      const sources = [SENT, now.current.file?.file ?? SENT];
      return setVerdict({ state: 'invalid', problems: texts.map((text) => problemOf(text, sources)) });
    }
    if (known.status === 409) {
      // Perhaps it only cannot be read or written.
      const theirs = await fetchFile(closed).catch(() => null);
      if (closed?.aborted) return undefined;
      if (theirs && theirs.version !== now.current.file?.version) return collide(theirs);
    }
    return setVerdict({ state: 'failed', failure: known });
  };
  const later = (): void => {
    quiet();
    resting.current = setTimeout(() => void ask(), REST_MS);
  };

  return {
    file,
    failure,
    start,
    text,
    changed: file !== null && text !== file.text,
    verdict,
    conflict,
    done,
    load: () => void load(),
    type: (next) => {
      const of = now.current.file;
      if (!of || next === now.current.text) return;
      keep(of, next);
      setDone(null);
      setVerdict({ state: 'none' });
      if (next === of.text) quiet();
      else later();
    },
    check: ask,
    apply: async () => {
      quiet();
      const { file: of, text: its } = now.current;
      if (!of) return;
      let written: Written;
      try {
        written = await write(of, its);
      } catch (error) {
        await refused(error);
        return;
      }
      setDone({ what: 'applied', written });
      // What was written has secrets of its own to hide: the text goes on as the server shows it.
      draft.value = null;
      try {
        const known = await fetchFile();
        begin(known, known.text);
      } catch (error) {
        // The text is written, and the page no longer knows what its placeholders stand for.
        setFile(null);
        setFailure(failureOf(error));
      }
    },
    discard: () => {
      const of = now.current.file;
      if (of) begin(of, of.text);
      setDone(null);
    },
    takeTheirs: () => {
      if (conflict) begin(conflict.theirs, conflict.theirs.text);
      setDone({ what: 'took' });
    },
    goOnTop: () => {
      if (!conflict?.onTop) return;
      begin(conflict.theirs, conflict.onTop.text);
      setDone({ what: 'on top', both: conflict.onTop.both });
      if (conflict.onTop.text !== conflict.theirs.text) later();
    },
  };
}

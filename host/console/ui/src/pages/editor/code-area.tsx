// The text field as a part of a page. Rule: it lives in a shadow root, whose sheets the server's policy allows; what the
// page knows goes in as properties, what the reader does comes out as events.
import { useEffect, useRef } from 'preact/hooks';
import { words as common } from '../../words';
import { Code, type CodeEvents, type CodeWords } from './code';
import type { Problem } from './problems';
import type { Schema } from './schema';
import { words } from './words';

export interface CodeAreaProps extends CodeEvents {
  /** The text to begin with; a new object begins anew. */
  start: { text: string };
  schema: Schema | null;
  locked: boolean;
  against: string | null;
  problems: readonly Problem[];
  /** For those who send the cursor somewhere. */
  code: { current: Code | null };
}

function wordsNow(): CodeWords {
  const { putBack, byDefault, types, phrases } = words.value;
  return { label: common.value.editor.title, putBack, byDefault, types, phrases };
}

export function CodeArea(props: CodeAreaProps) {
  const place = useRef<HTMLDivElement>(null);
  const events = useRef<CodeEvents>(props);
  events.current = props;
  const { start, schema, locked, against, problems, code } = props;
  const shown = words.value;
  useEffect(() => {
    const root = place.current?.attachShadow({ mode: 'open' });
    if (!root) return undefined;
    const made = new Code(root, start.text, wordsNow(), {
      changed: (text) => events.current.changed(text),
      moved: (text, cursor) => events.current.moved(text, cursor),
      save: () => events.current.save(),
    });
    code.current = made;
    return () => {
      code.current = null;
      made.destroy();
    };
  }, []);
  const first = useRef(start);
  useEffect(() => {
    if (first.current !== start) code.current?.begin(start.text);
    first.current = start;
  }, [start]);
  useEffect(() => code.current?.know(schema), [schema]);
  useEffect(() => code.current?.lock(locked), [locked]);
  useEffect(() => code.current?.compare(against), [against]);
  useEffect(() => code.current?.mark(problems), [problems, start]);
  useEffect(() => code.current?.name(wordsNow()), [shown]);
  return <div class="code-area" ref={place} />;
}

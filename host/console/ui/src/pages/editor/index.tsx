// The configuration's file as text: written with completion, checked and applied by the server. Rule: nothing is written
// without a question that names what changes; what somebody else has written meanwhile is never written over unseen.
import { useEffect, useRef, useState } from 'preact/hooks';
import { FailureNote, Own } from '../../parts/basics';
import { words as common } from '../../words';
import { count, list, sentences } from '../../words/format';
import { AboutSetting } from './about';
import type { Code } from './code';
import { CodeArea } from './code-area';
import './editor.css';
import { useSchema } from './file';
import { Findings } from './findings';
import { type About, aboutAt } from './offers';
import type { Problem } from './problems';
import { ApplyQuestion, DropQuestion } from './questions';
import type { Checked } from './types';
import { type Conflict, type Done, useEditor } from './use-editor';
import { words } from './words';

type Question = { what: 'apply'; checked: Checked } | { what: 'discard' } | { what: 'theirs' };

const NONE: readonly Problem[] = [];

function doneText(done: Done): string {
  const w = words.value;
  if (done.what === 'took') return w.tookTheirs;
  if (done.what === 'on top') return sentences(w.onTopDone, done.both > 0 ? w.onTopBoth(done.both, count(done.both)) : '');
  const { changed, needs_restart } = done.written;
  return sentences(changed ? w.applied : w.appliedSame, needs_restart.length > 0 ? w.restart(list(needs_restart)) : '');
}

function ConflictNote({ conflict, take, goOn }: { conflict: Conflict; take: () => void; goOn: () => void }) {
  const w = words.value;
  const { theirs, onTop } = conflict;
  return (
    <section class="note warn stack" role="alert" aria-label={w.conflictTitle}>
      <h3>{w.conflictTitle}</h3>
      <p>{w.conflictText}</p>
      {!onTop && <p>{theirs.writable || !theirs.why ? w.onTopNot : <Own>{theirs.why}</Own>}</p>}
      <div class="buttons">
        {onTop && (
          <button type="button" class="button" onClick={goOn}>
            {w.onTop}
          </button>
        )}
        <button type="button" class="button quiet" onClick={take}>
          {w.takeTheirs}
        </button>
      </div>
    </section>
  );
}

function ReadOnlyNote({ why }: { why: string | null }) {
  const w = words.value;
  return (
    <div class="note stack tight">
      <p>{w.readOnly}</p>
      {why && (
        <p>
          <Own>{why}</Own>
        </p>
      )}
    </div>
  );
}

export interface EditorProps {
  /** Back to the settings. */
  close: () => void;
  /** The file has been written. */
  applied: () => void;
}

export function Editor({ close, applied }: EditorProps) {
  const w = words.value;
  const own = common.value.editor;
  const schema = useSchema();
  const editing = useEditor();
  const { file, conflict, verdict, changed } = editing;
  const code = useRef<Code>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [comparing, setComparing] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const [about, setAbout] = useState<About | null>(null);
  useEffect(() => heading.current?.focus(), []);

  const canWrite = file?.writable === true;
  const isIdle = !conflict && verdict.state !== 'asking';
  const apply = async (): Promise<void> => {
    if (!canWrite || !changed || !isIdle) return;
    const checked = await editing.check();
    if (checked) setQuestion({ what: 'apply', checked });
  };
  const against = conflict ? conflict.theirs.text : comparing && file ? file.text : null;
  const toText = (): void => code.current?.view.focus();
  return (
    <section class="panel editor" aria-label={own.title}>
      <div class="panel-head">
        <h2 ref={heading} tabIndex={-1}>
          {own.title}
        </h2>
        <button type="button" class="button quiet" onClick={close}>
          {own.back}
        </button>
      </div>
      {!file && !editing.failure && <p class="muted">{common.value.app.loading}</p>}
      {!file && editing.failure && (
        <>
          <FailureNote failure={editing.failure} />
          <div class="buttons">
            <button type="button" class="button quiet" onClick={editing.load}>
              {common.value.app.retry}
            </button>
          </div>
        </>
      )}
      {file && (
        <>
          {canWrite ? <p class="small muted">{w.about}</p> : <ReadOnlyNote why={file.why} />}
          {conflict && (
            <ConflictNote
              conflict={conflict}
              take={() => setQuestion({ what: 'theirs' })}
              goOn={() => {
                setComparing(true);
                editing.goOnTop();
                toText();
              }}
            />
          )}
          <p class={editing.done ? 'note good' : ''} role="status">
            {editing.done ? doneText(editing.done) : ''}
          </p>
          {(canWrite || file.text !== '') && (
            <>
              <CodeArea
                start={editing.start}
                schema={schema}
                locked={!canWrite || conflict !== null}
                against={against}
                problems={verdict.state === 'invalid' ? verdict.problems : NONE}
                code={code}
                changed={editing.type}
                moved={(text, cursor) => setAbout(schema ? aboutAt(schema, text, cursor) : null)}
                save={() => void apply()}
              />
              {schema && <AboutSetting about={about} />}
            </>
          )}
          {canWrite && !conflict && (
            <>
              <div class="editor-orders">
                <div class="buttons">
                  <button type="button" class="button" disabled={!changed || !isIdle} onClick={() => void apply()}>
                    {w.apply}
                  </button>
                  <button type="button" class="button quiet" disabled={!isIdle} onClick={() => void editing.check()}>
                    {w.check}
                  </button>
                  <button
                    type="button"
                    class="button quiet"
                    disabled={!changed}
                    onClick={() => setQuestion({ what: 'discard' })}
                  >
                    {w.discard}
                  </button>
                </div>
                <label class="tick">
                  <input
                    type="checkbox"
                    checked={comparing}
                    onChange={(event) => setComparing(event.currentTarget.checked)}
                  />
                  {w.difference}
                </label>
              </div>
              <Findings verdict={verdict} changed={changed} goTo={(line, column) => code.current?.goTo(line, column)} />
              <p class="small muted hint">{w.hint}</p>
            </>
          )}
        </>
      )}
      {question?.what === 'apply' && (
        <ApplyQuestion
          checked={question.checked}
          act={async () => {
            await editing.apply();
            applied();
          }}
          closed={(done) => {
            setQuestion(null);
            if (done) toText();
          }}
        />
      )}
      {question && question.what !== 'apply' && (
        <DropQuestion
          theirs={question.what === 'theirs'}
          act={question.what === 'theirs' ? editing.takeTheirs : editing.discard}
          closed={(done) => {
            setQuestion(null);
            if (done) toText();
          }}
        />
      )}
    </section>
  );
}

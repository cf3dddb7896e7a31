// One piece of finished work: its text, its content, and files of both. Rule: who reads it is a line of the audit, so it
// is asked for once; what is left out here is said, and the files have everything.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ApiError } from '../../api/client';
import { send } from '../../api/client';
import { useRole } from '../../api/role';
import { hrefOf } from '../../app/route';
import { Facts, FailureNote, PageHead, Panel } from '../../parts/basics';
import { words } from '../../words';
import { address, ask, failureOf, focusTitle } from '../documents/call';
import { member, readJson, textOf, type Value } from '../documents/json';
import { save } from '../documents/save';
import { Tree } from '../documents/tree';
import { When } from './when';
import { Written } from './written';

export interface Work {
  title: string;
  at: number | null;
  device: string;
  content: Value;
  text: string;
  complete: boolean;
}

/** The work of an answer; its content keeps every digit. */
export function readWork(answer: string): Work {
  const value = readJson(answer);
  const at = member(value, 'at');
  const complete = member(value, 'complete');
  return {
    title: textOf(value, 'title'),
    at: at?.kind === 'number' ? Number(at.text) : null,
    device: textOf(value, 'device'),
    content: member(value, 'content') ?? { kind: 'word', text: 'null' },
    text: textOf(value, 'text'),
    complete: complete?.kind !== 'word' || complete.text !== 'false',
  };
}

type Format = 'markdown' | 'json';

function Files({ kind, id, hasText }: { kind: string; id: string; hasText: boolean }) {
  const w = words.value.archive;
  const [busy, setBusy] = useState<Format | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const fetchFile = async (format: Format): Promise<void> => {
    if (busy) return;
    setBusy(format);
    setFailure(null);
    try {
      const response = await send(address(['archive', kind, id, 'export'], { format }), { aside: true });
      save(await response.blob(), `${kind}-${id}`, format === 'json' ? 'json' : 'md');
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(null);
    }
  };
  const button = (format: Format, label: string) => (
    <button type="button" class="button quiet" aria-disabled={busy !== null} onClick={() => void fetchFile(format)}>
      {label}
    </button>
  );
  return (
    <div class="stack tight">
      <div class="buttons">
        {hasText && button('markdown', w.asMarkdown)}
        {button('json', w.asJson)}
      </div>
      <FailureNote failure={failure} />
    </div>
  );
}

/** The content, folded where there is a text that says the same for readers. */
function Content({ content, open: openFirst }: { content: Value; open: boolean }) {
  const w = words.value.archive;
  const [open, setOpen] = useState(openFirst);
  return (
    <details class="panel" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{w.content}</summary>
      {open && <Tree value={content} />}
    </details>
  );
}

function isEmpty(content: Value): boolean {
  if (content.kind === 'object') return content.members.length === 0;
  if (content.kind === 'array') return content.items.length === 0;
  return content.text === (content.kind === 'word' ? 'null' : '');
}

function useWork(kind: string, id: string, may: boolean) {
  const [work, setWork] = useState<Work | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!may) return undefined;
    const closed = new AbortController();
    setFailure(null);
    ask(address(['archive', kind, id]), closed.signal)
      .then((answer) => setWork(readWork(answer)))
      .catch((error: unknown) => {
        if (!closed.signal.aborted) setFailure(failureOf(error));
      });
    return () => closed.abort();
  }, [kind, id, may, round]);
  const again = (): void => {
    focusTitle();
    setRound((before) => before + 1);
  };
  return { work, failure, again };
}

export function EntryView({ kind, id }: { kind: string; id: string }) {
  const w = words.value.archive;
  const role = useRole();
  const { work, failure, again } = useWork(kind, id, role === 'operator');
  const text = useMemo(() => (work && work.text.trim() !== '' ? <Written text={work.text} /> : null), [work]);
  const isAway = failure !== null && failure.status !== 404;
  return (
    <>
      <div class="stack tight">
        <p class="small">
          <a href={hrefOf({ page: 'archive', kind, id: '' })}>{w.back(kind)}</a>
        </p>
        <PageHead title={work?.title || id} lead={!work && !failure && role !== 'viewer' ? words.value.app.loading : undefined} />
      </div>
      {role === 'viewer' && <p class="note">{w.viewer}</p>}
      <FailureNote failure={failure} />
      {isAway && (
        <div class="buttons">
          <button type="button" class="button quiet" onClick={again}>
            {words.value.app.retry}
          </button>
        </div>
      )}
      {work && (
        <>
          <Facts
            facts={[
              work.at !== null && ([w.when, <When at={work.at} />] as const),
              work.device !== '' && ([w.device, <a href={hrefOf({ page: 'device', id: work.device })}>{work.device}</a>] as const),
              [w.kind, kind],
              [w.id, <code>{id}</code>],
            ]}
          />
          <Files kind={kind} id={id} hasText={text !== null} />
          {!work.complete && <p class="note warn">{w.incomplete}</p>}
          {text && <Panel title={w.text}>{text}</Panel>}
          {!isEmpty(work.content) && <Content content={work.content} open={text === null} />}
          {!text && isEmpty(work.content) && <p class="muted">{words.value.records.nothing}</p>}
        </>
      )}
    </>
  );
}

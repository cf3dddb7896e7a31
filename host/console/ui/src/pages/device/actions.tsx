// What an operator may do with a device: speak to it, show it something, close its connection, export, forget. Rule:
// what cannot be undone asks first; each answer of the server is said where it was asked for.
import { useId, useState } from 'preact/hooks';
import { ApiError, path, post, send } from '../../api/client';
import type { Forgotten } from '../../api/types';
import { FailureNote, Own, Panel } from '../../parts/basics';
import { Ask } from '../../parts/dialog';
import { words } from '../../words';
import { named } from '../../words/named';
import { count } from '../../words/format';
import { Play, Stop } from './play';

interface SendProps {
  label: string;
  action: string;
  target: string;
}

const TEXT_LIMIT = 2_000;

function SendText(props: SendProps) {
  const w = words.value.device;
  const id = useId();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [failure, setFailure] = useState<ApiError | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (busy || text.trim() === '') return;
    setBusy(true);
    setSaid('');
    setFailure(null);
    try {
      const { outcome } = await post<{ outcome: string }>(props.target, { text: text.trim() });
      setSaid(named(w.sent, outcome) ?? outcome);
      setText('');
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="stack tight" onSubmit={(event) => void submit(event)}>
      <div class="field">
        <label for={id}>{props.label}</label>
        <div class="with-button">
          <input
            id={id}
            type="text"
            autoComplete="off"
            maxLength={TEXT_LIMIT}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="button quiet" disabled={busy || text.trim() === ''}>
            {props.action}
          </button>
        </div>
      </div>
      <p class="small" role="status">
        {said}
      </p>
      <FailureNote failure={failure} />
    </form>
  );
}

/** Saves everything stored about a device as a file; a plain link could not carry the token. */
async function exportOf(id: string): Promise<void> {
  const response = await send(path('devices', id, 'export'));
  const address = URL.createObjectURL(await response.blob());
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = `${id.replace(/[^\w.-]+/g, '_')}.json`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

type Open = 'none' | 'kick' | 'forget';

export function Actions(props: { id: string; connected: boolean; known: boolean; changed: () => void }) {
  const { id } = props;
  const w = words.value.device;
  const [open, setOpen] = useState<Open>('none');
  const [typed, setTyped] = useState('');
  const [said, setSaid] = useState('');
  const [left, setLeft] = useState<string[]>([]);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const field = useId();
  const closed = (done: boolean): void => {
    setOpen('none');
    setTyped('');
    if (done) props.changed();
  };
  const ask = (which: Open): void => {
    setSaid('');
    setLeft([]);
    setFailure(null);
    setOpen(which);
  };
  const saveExport = (): void => {
    setFailure(null);
    exportOf(id).catch((error: unknown) => setFailure(error instanceof ApiError ? error : new ApiError(0, '')));
  };
  const forget = async (): Promise<void> => {
    const response = await send(path('devices', id), { method: 'DELETE' });
    const answer = (await response.json()) as Forgotten;
    const rows = Object.values(answer.removed).reduce((sum, one) => sum + one, 0);
    setSaid(w.forgot(count(rows)));
    setLeft(answer.left);
  };
  return (
    <Panel title={w.actions}>
      {props.known && (
        <div class="columns">
          <div class="stack">
            <SendText label={w.say} action={w.saySend} target={path('devices', id, 'say')} />
            {props.connected && <Stop id={id} />}
          </div>
          <SendText label={w.notify} action={w.notifySend} target={path('devices', id, 'notify')} />
          {props.connected && <Play id={id} />}
        </div>
      )}
      <div class="buttons">
        {props.connected && (
          <button type="button" class="button quiet" onClick={() => ask('kick')}>
            {w.kick}
          </button>
        )}
        <button type="button" class="button quiet" onClick={saveExport}>
          {w.exported}
        </button>
        <button type="button" class="button danger" onClick={() => ask('forget')}>
          {w.forget}
        </button>
      </div>
      <p class="small" role="status">
        {said}
      </p>
      {left.map((one) => (
        <p key={one} class="note warn">
          <Own>{one}</Own>
        </p>
      ))}
      <FailureNote failure={failure} />
      {open === 'kick' && (
        <Ask
          title={w.kick}
          text={w.kickText}
          action={w.kick}
          act={async () => {
            await post(path('sessions', id, 'kick'));
            setSaid(w.kicked);
          }}
          closed={closed}
        />
      )}
      {open === 'forget' && (
        <Ask
          title={w.forget}
          text={w.forgetText}
          action={w.forget}
          danger
          allowed={typed.trim().toLowerCase() === id.toLowerCase()}
          act={forget}
          closed={closed}
        >
          <div class="field">
            <label for={field}>{w.forgetType(id)}</label>
            <input
              id={field}
              type="text"
              autoComplete="off"
              spellcheck={false}
              autofocus
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </div>
        </Ask>
      )}
    </Panel>
  );
}

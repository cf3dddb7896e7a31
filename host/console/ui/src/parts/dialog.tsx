// A question before something is done. Rule: a <dialog> of the browser, so that focus, Escape and the page behind it
// are its own. It begins at the harmless button, unless something must be typed, and stays open until the server has
// answered.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { words } from '../words';
import { FailureNote } from './basics';

export interface AskProps {
  title: string;
  text: string;
  /** What the button that does it says. */
  action: string;
  danger?: boolean;
  /** Whether it may be done as things stand. */
  allowed?: boolean;
  act: () => Promise<void>;
  /** Called when it was done, or given up. */
  closed: (done: boolean) => void;
  children?: ComponentChildren;
}

/** Asks; mount it to open it. */
export function Ask(props: AskProps) {
  const w = words.value.app;
  const own = useRef<HTMLDialogElement>(null);
  const title = useId();
  const text = useId();
  const done = useRef(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  useEffect(() => own.current?.showModal(), []);
  const act = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (props.allowed === false || busy) return;
    setBusy(true);
    setFailure(null);
    try {
      await props.act();
      done.current = true;
      // Closed by the browser, so that the focus goes back to where it came from.
      own.current?.close();
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={own}
      aria-labelledby={title}
      aria-describedby={text}
      onCancel={(event) => {
        if (busy) event.preventDefault();
      }}
      onClose={() => props.closed(done.current)}
    >
      <form class="stack" onSubmit={(event) => void act(event)}>
        <h2 id={title}>{props.title}</h2>
        <p id={text}>{props.text}</p>
        {props.children}
        <FailureNote failure={failure} />
        <div class="buttons">
          <button
            type="submit"
            class={props.danger ? 'button danger' : 'button'}
            disabled={busy || props.allowed === false}
          >
            {props.action}
          </button>
          <button type="button" class="button quiet" autofocus disabled={busy} onClick={() => own.current?.close()}>
            {w.cancel}
          </button>
        </div>
      </form>
    </dialog>
  );
}

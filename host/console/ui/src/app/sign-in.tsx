// What comes before the pages where the server asks for a token, or refuses. Rule: the token goes to memory and nowhere
// else; the server alone says whether it is right.
import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from '../api/client';
import { Own } from '../parts/basics';
import { words } from '../words';
import { Brand } from './brand';

/** Whether a text can be sent as a token at all: a header takes visible ASCII only. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

export function SignIn({ wrong }: { wrong: boolean }) {
  const w = words.value.signIn;
  const [text, setText] = useState('');
  const [unfit, setUnfit] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = text.trim();
    setUnfit(!isToken(token));
    if (isToken(token)) signIn(token);
  };
  const says = wrong || unfit ? w.wrong : '';
  return (
    <main class="alone">
      <div class="panel">
        <span class="brand">
          <Brand />
          modehost
        </span>
        <h1>{w.title}</h1>
        <p>{w.text}</p>
        <form class="stack" onSubmit={submit}>
          <div class="field">
            <label for="token">{w.token}</label>
            <input
              id="token"
              ref={field}
              type="password"
              autoComplete="off"
              spellcheck={false}
              value={text}
              aria-invalid={says !== ''}
              aria-describedby="token-says"
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </div>
          <p id="token-says" class={says ? 'note danger' : ''} role="alert">
            {says}
          </p>
          <button type="submit" class="button" disabled={text.trim() === ''}>
            {w.submit}
          </button>
        </form>
        <p class="muted small">{w.kept}</p>
      </div>
    </main>
  );
}

export function Refused({ sentence }: { sentence: string }) {
  const w = words.value;
  return (
    <main class="alone">
      <div class="panel">
        <span class="brand">
          <Brand />
          modehost
        </span>
        <h1>{w.signIn.refusedTitle}</h1>
        {sentence && (
          <p class="note warn">
            <Own>{sentence}</Own>
          </p>
        )}
        <button type="button" class="button" onClick={() => signIn(null)}>
          {w.app.retry}
        </button>
      </div>
    </main>
  );
}

// Trying a provider: ask a model, have a voice say something, have a recogniser hear something. Rule: nothing is sent
// before its button is pressed, since each try is a true call.
import { useId, useRef, useState } from 'preact/hooks';
import { path } from '../../api/client';
import { FailureNote } from '../../parts/basics';
import { ChooseSound, ClipView } from '../../parts/clip';
import { type Clip, readSound } from '../../parts/sound';
import { bytesOf } from '../../parts/wav';
import { UPLINK_RATE } from '../../simulator/protocol';
import { words } from '../../words';
import { ms } from '../../words/format';
import { Recorder } from './recorder';
import { addTry, keyOf, shortened, tries, type Tried, withOf } from './tries';
import type { Provider, SoundAnswer, TextAnswer } from './types';
import { type Try, useTry } from './use-try';

const TEXT_LIMIT = 2_000;
/** The longest recording that a recogniser is given, in seconds. */
const MOST_SECONDS = 30;

export interface BenchProps {
  provider: Provider;
  changed: () => void;
}

function triedOf(provider: Provider, what: string, answer: Omit<TextAnswer, 'text'>): Tried {
  return {
    at: Date.now(),
    with: withOf(provider),
    what: shortened(what),
    lengthMs: answer.duration_ms ?? null,
    firstMs: answer.first_ms,
    tookMs: answer.took_ms,
    text: '',
    error: answer.error,
    sound: null,
  };
}

/** The button that sends, and what is said meanwhile. */
function Send({ one, label, busy, ready }: { one: Try; label: string; busy: string; ready: boolean }) {
  const submit = useRef<HTMLButtonElement>(null);
  return (
    <>
      <div class="buttons">
        <button type="submit" class="button" ref={submit} aria-disabled={one.busy || !ready}>
          {label}
        </button>
        {one.busy && (
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              one.giveUp();
              // This button goes, and the focus with it.
              submit.current?.focus();
            }}
          >
            {words.value.app.cancel}
          </button>
        )}
      </div>
      <p class="small muted" role="status">
        {one.busy ? busy : ''}
      </p>
      <FailureNote failure={one.failure} />
    </>
  );
}

interface TextProps {
  one: Try;
  label: string;
  sample: string;
  action: string;
  busy: string;
  send: (text: string) => void;
}

function TextBench(props: TextProps) {
  const w = words.value.providers;
  const field = useId();
  const keys = useId();
  // Until something is written, the sample in the language of the page.
  const [written, setWritten] = useState<string | null>(null);
  const text = written ?? props.sample;
  const isReady = text.trim() !== '';
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isReady && !props.one.busy) props.send(text.trim());
  };
  return (
    <form class="stack tight bench" onSubmit={submit}>
      <div class="field">
        <label for={field}>{props.label}</label>
        <textarea
          id={field}
          rows={2}
          maxLength={TEXT_LIMIT}
          aria-describedby={keys}
          value={text}
          onInput={(event) => setWritten(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.isComposing) submit(event);
          }}
        />
      </div>
      <p id={keys} class="small muted">
        {w.keys}
      </p>
      <Send one={props.one} label={props.action} busy={props.busy} ready={isReady} />
    </form>
  );
}

export function AskBench({ provider, changed }: BenchProps) {
  const w = words.value.providers;
  const one = useTry(changed);
  const ask = (text: string): void => {
    const target = path('providers', 'model', provider.name, 'ask');
    void one.run<TextAnswer>(target, { json: { text } }, (answer) => {
      addTry(keyOf(provider), { ...triedOf(provider, text, answer), text: answer.text });
    });
  };
  return <TextBench one={one} label={w.ask} sample={w.askSample} action={w.askSend} busy={w.askBusy} send={ask} />;
}

export function SayBench({ provider, changed }: BenchProps) {
  const w = words.value.providers;
  const one = useTry(changed);
  const say = (text: string): void => {
    void one.run<SoundAnswer>(path('providers', 'voice', 'say'), { json: { text } }, (answer) => {
      const bytes = answer.audio ? bytesOf(answer.audio) : null;
      const sound = bytes && new Blob([bytes], { type: 'audio/wav' });
      addTry(keyOf(provider), { ...triedOf(provider, text, answer), sound });
    });
  };
  return <TextBench one={one} label={w.say} sample={w.saySample} action={w.saySend} busy={w.sayBusy} send={say} />;
}

export function HearBench({ provider, changed }: BenchProps) {
  const w = words.value.providers;
  const one = useTry(changed);
  const [clip, setClip] = useState<Clip | null>(null);
  const [isRecording, setRecording] = useState(false);
  const label = useId();
  const spoken = tries.value.get('voice')?.[0]?.sound ?? null;
  const takeSpoken = (): void => {
    if (!spoken) return;
    // The server has made it: the browser reads it.
    readSound(spoken, w.spoken, UPLINK_RATE, MOST_SECONDS).then(setClip, () => setClip(null));
  };
  const hear = (event: Event): void => {
    event.preventDefault();
    if (!clip || one.busy || isRecording) return;
    const target = path('providers', 'recogniser', 'hear');
    void one.run<TextAnswer>(target, { bytes: clip.wav }, (answer) => {
      addTry(keyOf(provider), { ...triedOf(provider, clip.name, answer), text: answer.text });
    });
  };
  return (
    <form class="stack tight bench" aria-labelledby={label} onSubmit={hear}>
      <h3 id={label}>{w.hear}</h3>
      <p class="small muted">{w.hearText(ms(MOST_SECONDS * 1000))}</p>
      <div class="buttons">
        <Recorder mostSeconds={MOST_SECONDS} recording={setRecording} recorded={setClip} />
        <ChooseSound rate={UPLINK_RATE} mostSeconds={MOST_SECONDS} disabled={isRecording} chosen={setClip} />
        {spoken && (
          <button type="button" class="button quiet" disabled={isRecording} onClick={takeSpoken}>
            {w.takeSpoken}
          </button>
        )}
      </div>
      {clip && <ClipView clip={clip} most={MOST_SECONDS} />}
      <Send one={one} label={w.hearSend} busy={w.hearBusy} ready={clip !== null && !isRecording} />
    </form>
  );
}

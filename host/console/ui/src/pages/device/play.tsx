// A sound for a device, and silence. Rule: only while it is connected; the file is made small in the page before it is
// sent.
import { useId, useState } from 'preact/hooks';
import { ApiError, path, post, send } from '../../api/client';
import { FailureNote } from '../../parts/basics';
import { ChooseSound, ClipView } from '../../parts/clip';
import type { Clip } from '../../parts/sound';
import { words } from '../../words';
import { ms } from '../../words/format';

const MOST_SECONDS = 60;
/** Enough for speech and for a jingle; the server makes of it what the device plays. */
const RATE = 24_000;

interface Action {
  busy: boolean;
  said: string;
  failure: ApiError | null;
  act: (what: () => Promise<unknown>, said: string) => Promise<void>;
  clear: () => void;
}

/** One action at a time, and what came of it. */
function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [failure, setFailure] = useState<ApiError | null>(null);
  const clear = (): void => {
    setSaid('');
    setFailure(null);
  };
  const act: Action['act'] = async (what, done) => {
    if (busy) return;
    setBusy(true);
    clear();
    try {
      await what();
      setSaid(done);
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      setBusy(false);
    }
  };
  return { busy, said, failure, act, clear };
}

/** The device plays a sound file. */
export function Play({ id }: { id: string }) {
  const w = words.value.play;
  const title = useId();
  const [clip, setClip] = useState<Clip | null>(null);
  const one = useAction();
  const play = (event: Event): void => {
    event.preventDefault();
    if (!clip) return;
    void one.act(() => send(path('devices', id, 'play'), { method: 'POST', bytes: clip.wav }), w.sent);
  };
  return (
    <form class="stack tight" aria-labelledby={title} onSubmit={play}>
      <div class="field">
        <span class="label" id={title}>
          {w.label}
        </span>
        <div class="buttons">
          <ChooseSound
            rate={RATE}
            mostSeconds={MOST_SECONDS}
            chosen={(chosen) => {
              one.clear();
              setClip(chosen);
            }}
          />
        </div>
      </div>
      {clip ? (
        <>
          <ClipView clip={clip} most={MOST_SECONDS} />
          <div class="buttons">
            <button type="submit" class="button quiet" aria-disabled={one.busy}>
              {w.send}
            </button>
          </div>
        </>
      ) : (
        <p class="small muted">{w.text(ms(MOST_SECONDS * 1000))}</p>
      )}
      <p class="small" role="status">
        {one.said}
      </p>
      <FailureNote failure={one.failure} />
    </form>
  );
}

/** The device stops what it is saying. */
export function Stop({ id }: { id: string }) {
  const w = words.value.play;
  const one = useAction();
  return (
    <div class="stack tight">
      <div class="buttons">
        <button
          type="button"
          class="button quiet"
          aria-disabled={one.busy}
          onClick={() => void one.act(() => post(path('devices', id, 'stop')), w.stopped)}
        >
          {w.stopLabel}
        </button>
      </div>
      <p class="small" role="status">
        {one.said}
      </p>
      <FailureNote failure={one.failure} />
    </div>
  );
}

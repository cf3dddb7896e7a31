// A sound that the reader chooses, and how it sounds. Rule: a file is read when it is chosen and sent by a button of its
// own; addresses of blobs live as long as what plays them.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { words } from '../words';
import { ms } from '../words/format';
import './clip.css';
import { type Clip, readSound, SoundError, type SoundFault } from './sound';

/** Plays a sound of this page. */
export function Player({ sound, label }: { sound: Blob; label: string }) {
  const [address, setAddress] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(sound);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [sound]);
  return <audio class="player" controls preload="metadata" aria-label={label} {...(address && { src: address })} />;
}

/** A sound with its name, its length and a player. */
export function ClipView({ clip, most }: { clip: Clip; most: number }) {
  const w = words.value.sound;
  return (
    <div class="stack tight">
      <p class="small clip-name">
        {clip.name} <span class="muted">· {w.lasts(ms(clip.seconds * 1000))}</span>
      </p>
      {clip.cut && <p class="small muted">{w.cut(ms(most * 1000))}</p>}
      <Player sound={clip.wav} label={clip.name} />
    </div>
  );
}

export interface ChooseProps {
  /** Samples a second of the clip. */
  rate: number;
  mostSeconds: number;
  disabled?: boolean;
  chosen: (clip: Clip | null) => void;
}

/** A button that asks for a sound file. */
export function ChooseSound(props: ChooseProps) {
  const w = words.value.sound;
  const input = useRef<HTMLInputElement>(null);
  const about = useId();
  const latest = useRef(0);
  const [isReading, setReading] = useState(false);
  const [fault, setFault] = useState<SoundFault | null>(null);
  const read = (file: File | undefined): void => {
    if (!file) return;
    latest.current += 1;
    const own = latest.current;
    setReading(true);
    setFault(null);
    props.chosen(null);
    readSound(file, file.name, props.rate, props.mostSeconds)
      .then(
        (clip) => {
          if (own === latest.current) props.chosen(clip);
        },
        (error: unknown) => {
          if (own === latest.current) setFault(error instanceof SoundError ? error.fault : 'unreadable_file');
        },
      )
      .finally(() => {
        if (own === latest.current) setReading(false);
      });
  };
  return (
    <>
      <button
        type="button"
        class="button quiet"
        disabled={props.disabled}
        aria-describedby={about}
        onClick={() => input.current?.click()}
      >
        {w.choose}
      </button>
      <input
        ref={input}
        type="file"
        accept="audio/*,.wav,.mp3,.ogg,.opus,.m4a,.flac"
        hidden
        onChange={(event) => {
          read(event.currentTarget.files?.[0]);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <p id={about} class={fault ? 'note warn said' : 'small muted said'} role="status">
        {isReading ? w.reading : fault ? w.faults[fault] : ''}
      </p>
    </>
  );
}

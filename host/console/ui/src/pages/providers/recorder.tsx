// A recording from the microphone. Rule: it runs between two presses of one button, ends by itself at its limit, and
// releases the microphone whenever it ends or the page is left.
import { useEffect, useRef, useState } from 'preact/hooks';
import { clipOf, type Clip, type SoundFault } from '../../parts/sound';
import { joined, type Samples } from '../../parts/wav';
import { openMicrophone, type Source, SourceError, type SourceFault } from '../../simulator/microphone';
import { UPLINK_RATE } from '../../simulator/protocol';
import { words } from '../../words';
import { clock, ms } from '../../words/format';

export interface RecorderProps {
  mostSeconds: number;
  recording: (isRecording: boolean) => void;
  recorded: (clip: Clip | null) => void;
}

type Fault = SourceFault | SoundFault | 'silent';

interface Take {
  blocks: Samples[];
  samples: number;
  source: Source | null;
  hasEnded: boolean;
}

export function Recorder(props: RecorderProps) {
  const { providers: w, sound } = words.value;
  const take = useRef<Take | null>(null);
  const [seconds, setSeconds] = useState<number | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const most = props.mostSeconds * UPLINK_RATE;

  const end = (own: Take, why: Fault | null): void => {
    if (own.hasEnded) return;
    own.hasEnded = true;
    own.source?.close();
    if (take.current !== own) return;
    take.current = null;
    setSeconds(null);
    props.recording(false);
    if (why === null && own.samples > 0) {
      props.recorded(clipOf(w.recorded(clock(Date.now())), joined(own.blocks, most), UPLINK_RATE, false));
    } else setFault(why ?? 'silent');
  };
  const begin = (): void => {
    const own: Take = { blocks: [], samples: 0, source: null, hasEnded: false };
    take.current = own;
    setSeconds(0);
    setFault(null);
    props.recording(true);
    const emit = (block: Samples): void => {
      if (own.hasEnded) return;
      const before = Math.floor(own.samples / UPLINK_RATE);
      own.blocks.push(block);
      own.samples += block.length;
      const now = Math.floor(own.samples / UPLINK_RATE);
      if (now !== before) setSeconds(now);
      if (own.samples >= most) end(own, null);
    };
    openMicrophone(emit, () => end(own, null)).then(
      (source) => {
        own.source = source;
        if (own.hasEnded) source.close();
      },
      (error: unknown) => end(own, error instanceof SourceError ? error.fault : 'busy'),
    );
  };
  useEffect(
    () => () => {
      const own = take.current;
      take.current = null;
      if (own) end(own, null);
    },
    [],
  );
  const isOn = seconds !== null;
  return (
    <>
      <button
        type="button"
        class="button quiet record"
        data-on={isOn}
        onClick={() => {
          const own = take.current;
          if (own) end(own, null);
          else begin();
        }}
      >
        {isOn ? w.stopRecording : w.record}
      </button>
      {isOn && (
        <span class="small elapsed">{w.recording(`${ms(seconds * 1000)} / ${ms(props.mostSeconds * 1000)}`)}</span>
      )}
      <p class={fault ? 'note warn said' : 'said'} role="status">
        {fault ? sound.faults[fault] : ''}
      </p>
    </>
  );
}

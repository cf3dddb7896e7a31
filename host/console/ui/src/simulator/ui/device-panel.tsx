// The device: its screen, how it listens, and the buttons that a device has. Rule: whatever needs a microphone stands
// beside what works without one.
import { useId } from 'preact/hooks';
import { Panel } from '../../parts/basics';
import type { Device } from '../device';
import type { ListenMode } from '../protocol';
import { words } from '../words';
import { Face } from './face';
import { TalkButton } from './talk';

const MODES: readonly ListenMode[] = ['auto', 'manual', 'realtime'];

function Screen({ device }: { device: Device }) {
  const w = words.value;
  const isOpen = device.link.state.value === 'open';
  const phase = device.phase.value;
  return (
    <div class="sim-screen" data-phase={isOpen ? phase : 'off'}>
      <Face device={device} />
      <Level device={device} />
      <p class="sim-phase" role="status">
        {isOpen || phase !== 'idle' ? w.phase[phase] : w.link[device.link.state.value]}
      </p>
    </div>
  );
}

/** How loud the microphone is. A drawing only: the state beside it says whether the device listens. */
function Level({ device }: { device: Device }) {
  const level = device.listening.level.value;
  const isOn = device.listening.isSending.value;
  return (
    <svg class="sim-level" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      {isOn && <rect x={50 - level * 50} y={0} width={Math.max(1, level * 100)} height={4} />}
    </svg>
  );
}

function Modes({ device }: { device: Device }) {
  const w = words.value.talk;
  const name = useId();
  return (
    <fieldset class="sim-modes">
      <legend>{w.mode}</legend>
      <div class="sim-segments">
        {MODES.map((mode) => (
          <label key={mode}>
            <input
              type="radio"
              name={name}
              value={mode}
              checked={device.listening.mode.value === mode}
              onChange={() => device.listening.choose(mode)}
            />
            <span>{w.modes[mode]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function FileChooser({ device }: { device: Device }) {
  const w = words.value.talk;
  const id = useId();
  return (
    <div class="sim-file">
      <input
        id={id}
        class="visually-hidden"
        type="file"
        accept="audio/*"
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) void device.sendFile(file);
        }}
      />
      <label for={id} class="button quiet">
        {w.file}
      </label>
      <p id={`${id}-hint`} class="muted small">
        {w.fileHint}
      </p>
    </div>
  );
}

function Volume({ device }: { device: Device }) {
  const id = useId();
  return (
    <div class="sim-volume">
      <label for={id}>{words.value.talk.volume}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        step={1}
        value={device.state.value.volume}
        onInput={(event) => device.change({ volume: event.currentTarget.valueAsNumber })}
      />
      <output for={id} class="number">
        {device.state.value.volume}
      </output>
    </div>
  );
}

export function DevicePanel({ device, wakeWord }: { device: Device; wakeWord: string }) {
  const w = words.value.talk;
  const mode = device.listening.mode.value;
  const hint = { auto: w.autoHint, manual: w.holdHint, realtime: w.realtimeHint }[mode];
  return (
    <Panel title={w.heading} class="sim-device">
      <Screen device={device} />
      <TalkButton device={device} />
      <p class="muted small" role="status">
        {device.listening.fault.value === 'too_short' ? w.tooShort : device.isAsked.value ? w.asked : hint}
      </p>
      <Modes device={device} />
      <div class="buttons">
        <button type="button" class="button quiet" disabled={wakeWord === ''} onClick={() => device.wake(wakeWord)}>
          {w.wake(wakeWord)}
        </button>
        <button
          type="button"
          class="button quiet"
          disabled={!device.dialogue.isSpeaking.value}
          onClick={() => device.abort()}
        >
          {w.abort}
        </button>
      </div>
      <Volume device={device} />
      <FileChooser device={device} />
    </Panel>
  );
}

// The button to talk: a switch in automatic and realtime listening, a key to hold in push to talk. Rule: it works with
// pointer, touch and keyboard alike, and a key that was held is released when the page loses the focus.
import { useEffect, useRef } from 'preact/hooks';
import type { Device } from '../device';
import { words } from '../words';

/** What the space bar means something for already. */
const USES_SPACE = 'a, button, input, select, textarea, summary, [contenteditable], [role="log"], [tabindex="0"]';

export function TalkButton({ device }: { device: Device }) {
  const isManual = device.listening.mode.value === 'manual';
  return isManual ? <HoldButton device={device} /> : <SwitchButton device={device} />;
}

function SwitchButton({ device }: { device: Device }) {
  const w = words.value.talk;
  const isOn = device.listening.isOn.value;
  return (
    <button
      type="button"
      class="button sim-talk"
      data-on={isOn}
      onClick={() => {
        if (isOn) device.listening.stop();
        else void device.startListening();
      }}
    >
      <Microphone />
      {isOn ? w.stop : w.start}
    </button>
  );
}

function HoldButton({ device }: { device: Device }) {
  const w = words.value.talk;
  const isOn = device.listening.isOn.value;
  const isHeld = useRef(false);
  const press = () => {
    if (isHeld.current) return;
    isHeld.current = true;
    void device.startListening();
  };
  const release = () => {
    if (!isHeld.current) return;
    isHeld.current = false;
    device.listening.stop();
  };
  useEffect(() => {
    const isFree = (event: KeyboardEvent) =>
      event.code === 'Space' && !event.repeat && !(event.target instanceof Element && event.target.closest(USES_SPACE));
    const onDown = (event: KeyboardEvent) => {
      if (event.code === 'Space' && isHeld.current) event.preventDefault();
      if (!isFree(event)) return;
      event.preventDefault();
      press();
    };
    const onUp = (event: KeyboardEvent) => {
      if (event.code === 'Space') release();
    };
    addEventListener('keydown', onDown);
    addEventListener('keyup', onUp);
    addEventListener('blur', release);
    return () => {
      removeEventListener('keydown', onDown);
      removeEventListener('keyup', onUp);
      removeEventListener('blur', release);
      release();
    };
  }, [device]);
  return (
    <button
      type="button"
      class="button sim-talk"
      data-on={isOn}
      aria-pressed={isOn}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        press();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.repeat) return;
        if (event.code === 'Space') press();
        // Enter switches, for those who cannot hold a key.
        else if (event.code === 'Enter') isHeld.current ? release() : press();
      }}
    >
      <Microphone />
      {isOn ? w.release : w.hold}
    </button>
  );
}

function Microphone() {
  return (
    <svg class="sim-icon" viewBox="0 0 20 20" aria-hidden="true">
      <rect x="7" y="2" width="6" height="10" rx="3" />
      <path d="M4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v3" />
    </svg>
  );
}

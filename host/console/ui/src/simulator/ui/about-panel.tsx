// The connection: who the device is, what was agreed on, and how audio is framed. Rule: facts are those of the hellos,
// and of the operators' API where it says more.
import { useId } from 'preact/hooks';
import { Facts, Panel } from '../../parts/basics';
import type { SessionDetail } from '../../api/types';
import { hrefOf } from '../../app/route';
import { count } from '../../words/format';
import type { Device } from '../device';
import { FRAMINGS, type Framing } from '../framing';
import { FRAME_MS, UPLINK_RATE } from '../protocol';
import { words } from '../words';

function codecName(codec: string): string {
  return codec === 'opus' ? 'Opus' : 'PCM';
}

export function AboutPanel({ device, detail }: { device: Device; detail: SessionDetail | null }) {
  const w = words.value.about;
  const { link } = device;
  const id = useId();
  const identity = link.identity.value;
  const down = link.downlink.value;
  const sound = (codec: string, rate: number, frame: number) => w.sound(codecName(codec), `${count(rate)} Hz`, frame);
  const handlers = (detail?.plugins ?? []).filter((one) => one.mode);
  return (
    <Panel title={w.heading}>
      <Facts
        facts={[
          identity !== null && [w.device, <DeviceLink id={identity.device} />],
          link.address.value !== '' && [w.address, <code>{link.address.value}</code>],
          link.session.value !== null && [w.session, <code>{link.session.value}</code>],
          detail !== null && [w.mode, <Mode mode={detail.mode ?? null} handlers={handlers} />],
          link.sound.value !== null && [w.up, sound(link.codec, UPLINK_RATE, FRAME_MS)],
          down !== null && [w.down, sound(down.codec, down.sampleRate, down.frameMs)],
        ]}
      />
      <div class="field sim-framing">
        <label for={id}>{w.framing}</label>
        <select
          id={id}
          value={link.framing.value}
          aria-describedby={`${id}-hint`}
          onChange={(event) => {
            const chosen = FRAMINGS.find((framing) => `${framing}` === event.currentTarget.value);
            if (chosen !== undefined) link.useFraming(chosen);
          }}
        >
          {FRAMINGS.map((framing: Framing) => (
            <option key={framing} value={framing}>
              {w.framings[framing]}
            </option>
          ))}
        </select>
        <p id={`${id}-hint`} class="muted small">
          {w.framingHint}
        </p>
      </div>
      <div class="sim-drop">
        <button
          type="button"
          class="button quiet"
          disabled={link.state.value !== 'open'}
          aria-describedby={`${id}-drop`}
          onClick={() => link.drop()}
        >
          {w.drop}
        </button>
        <p id={`${id}-drop`} class="muted small">
          {w.dropHint}
        </p>
      </div>
    </Panel>
  );
}

/** In a new tab: this device is connected only while this page is open. */
function DeviceLink({ id }: { id: string }) {
  return (
    <a href={hrefOf({ page: 'device', id })} target="_blank" rel="noopener">
      {id}
      <span class="visually-hidden">{words.value.about.newTab}</span>
    </a>
  );
}

function Mode(props: { mode: string | null; handlers: NonNullable<SessionDetail['plugins']> }) {
  const w = words.value.about;
  const mode = props.mode ?? props.handlers[0]?.mode ?? w.noMode;
  return (
    <>
      {mode}
      {props.handlers
        .filter((one) => one.mode === mode)
        .map((one) => (
          <span key={one.plugin} class="muted">
            {' · '}
            {w.plugin(one.plugin, one.version, one.generation)}
          </span>
        ))}
    </>
  );
}

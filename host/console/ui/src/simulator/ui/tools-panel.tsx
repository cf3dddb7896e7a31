// The tools of the device: a lamp that is drawn as it is, and the list that the server reads. Rule: the picture says its
// state in words too.
import { Panel } from '../../parts/basics';
import { count } from '../../words/format';
import type { Device } from '../device';
import { TOOL_NAMES } from '../tools';
import { words } from '../words';

function Lamp({ device }: { device: Device }) {
  const w = words.value.tools;
  const { lampOn, brightness } = device.state.value;
  const light = lampOn ? 0.25 + (brightness / 100) * 0.75 : 0;
  const text = lampOn ? w.lampOn(brightness) : w.lampOff;
  return (
    <figure class="sim-lamp" data-on={lampOn}>
      <svg viewBox="0 0 160 160" role="img" aria-label={text}>
        <circle class="light" cx={80} cy={58} r={56} style={{ opacity: light * 0.18 }} />
        <path class="light" d="M50 84 H110 L138 152 H22 Z" style={{ opacity: light * 0.3 }} />
        <path class="base" d="M80 86 V146 M54 150 H106" />
        <path class="shade" d="M62 34 H98 L116 84 H44 Z" />
        <path class="light" d="M62 34 H98 L116 84 H44 Z" style={{ opacity: light * 0.9 }} />
      </svg>
      <figcaption>
        <span role="status">{text}</span>
      </figcaption>
    </figure>
  );
}

export function ToolsPanel({ device }: { device: Device }) {
  const w = words.value.tools;
  const listed = device.listedTools.value;
  const calls = device.calls.value;
  return (
    <Panel title={w.heading}>
      <p class="muted small">{w.lead}</p>
      <div class="sim-tools">
        <Lamp device={device} />
        <div class="stack tight">
          <ul class="sim-tool-list">
            {TOOL_NAMES.map((name) => (
              <li key={name}>
                <code>{name}</code>
                {calls[name] !== undefined && <span class="badge accent">{w.called(calls[name] ?? 0)}</span>}
              </li>
            ))}
          </ul>
          <p class="muted small">{listed === 0 ? w.notListed : w.listed(count(listed))}</p>
        </div>
      </div>
    </Panel>
  );
}

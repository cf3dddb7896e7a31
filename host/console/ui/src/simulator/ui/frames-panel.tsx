// The frames that passed, raw. Rule: closed until somebody wants them, and only then drawn.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { bytes, clock, count } from '../../words/format';
import type { Device } from '../device';
import type { FrameLine } from '../frames';
import { words } from '../words';

/** How far from the end, in pixels, still counts as the end. */
const AT_END = 40;

function Line({ line }: { line: FrameLine }) {
  const w = words.value.frames;
  const size = bytes(line.bytes);
  const text =
    line.kind === 'text'
      ? line.text
      : line.kind === 'audio'
        ? w.audio(line.frames, size)
        : w.malformed(line.frames, size);
  return (
    <li data-way={line.way} data-kind={line.kind}>
      <time dateTime={new Date(line.at).toISOString()}>{clock(line.at)}</time>
      <span class="sim-way">
        <span aria-hidden="true">{line.way === 'sent' ? '→' : '←'}</span>
        <span class="visually-hidden">{w[line.way]}</span>
      </span>
      <code>{text}</code>
    </li>
  );
}

export function FramesPanel({ device }: { device: Device }) {
  const w = words.value.frames;
  const lines = device.link.frames.shown.value;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => () => device.link.frames.show(false), [device]);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (list.current && follows.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines]);
  return (
    <details class="panel sim-frames" onToggle={(event) => device.link.frames.show(event.currentTarget.open)}>
      <summary>
        <h2>{w.heading}</h2>
        <span class="muted small">{lines.length > 0 ? count(lines.length) : ''}</span>
      </summary>
      <p class="muted small">{w.lead}</p>
      <div
        ref={list}
        class="sim-frame-list"
        tabIndex={0}
        role="region"
        aria-label={w.heading}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          follows.current = scrollHeight - scrollTop - clientHeight < AT_END;
        }}
      >
        {lines.length === 0 && <p class="muted">{w.empty}</p>}
        <ol>
          {lines.map((line) => (
            <Line key={line.id} line={line} />
          ))}
        </ol>
      </div>
    </details>
  );
}

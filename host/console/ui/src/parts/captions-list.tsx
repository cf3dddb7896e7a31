// Captions of a device: what was heard and what is said, as it happens. Rule: only where the server shows texts; text is
// text; the newest is in view unless the reader looks further up.
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { words } from '../words';
import { clock } from '../words/format';
import type { Entry } from './calls';
import { captionsOf } from './captions';
import './captions.css';

/** How far from its end a list still counts as being at its end, in pixels. */
const NEAR = 24;

export function Captions({ entries }: { entries: readonly Entry[] }) {
  const w = words.value.captions;
  const lines = useMemo(() => captionsOf(entries), [entries]);
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    const element = list.current;
    if (element && follows.current) element.scrollTop = element.scrollHeight;
  }, [lines]);
  return (
    <div class="stack tight">
      <h3>{w.title}</h3>
      <p class="small muted">{lines.length > 0 ? w.text : w.none}</p>
      <div
        class="captions"
        role="log"
        aria-label={w.title}
        tabIndex={0}
        hidden={lines.length === 0}
        ref={list}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR;
        }}
      >
        {lines.map((line) => (
          <p key={line.key} class={`caption ${line.who}`}>
            <span class="muted small number">{clock(line.at)}</span>
            <span class="who small">{w[line.who]}</span>
            <span class={line.open ? 'words open' : 'words'} dir="auto">
              {line.text}
              {line.cut && <span class="badge warn">{w.cut}</span>}
            </span>
          </p>
        ))}
      </div>
    </div>
  );
}

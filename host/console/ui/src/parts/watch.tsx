// The timeline of one device or plugin: events, effects, times, memory, faults. Rule: it runs only between start and
// stop and is gone with the page; lines are drawn four times a second at most.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError } from '../api/client';
import { keepOpen, type StreamState } from '../api/stream';
import { words } from '../words';
import { named } from '../words/named';
import { bytes, clock, count, ms, sentences, us } from '../words/format';
import { FailureNote, Own, Panel } from './basics';
import { EMPTY, type Entry, ENTRIES_KEPT, type Timeline, withLine } from './calls';
import { Captions } from './captions-list';

const DRAW_EVERY_MS = 250;

export function Watch({ path, columns }: { path: string; columns: 'device' | 'plugin' }) {
  const w = words.value.watch;
  const [on, setOn] = useState(false);
  const [state, setState] = useState<StreamState>('connecting');
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [timeline, setTimeline] = useState<Timeline>(EMPTY);
  useEffect(() => {
    if (!on) return undefined;
    let waiting: object[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      const lines = waiting;
      waiting = [];
      setTimeline((before) => lines.reduce<Timeline>((all, line) => withLine(all, line, Date.now()), before));
    };
    const close = keepOpen({
      path,
      show: (value) => {
        waiting.push(value);
        timer ??= setTimeout(draw, DRAW_EVERY_MS);
      },
      state: (now, why) => {
        setState(now);
        setFailure(why);
        if (now === 'absent' || now === 'ended') setOn(false);
      },
    });
    return () => {
      close();
      clearTimeout(timer);
    };
  }, [on, path]);
  const says = on || state === 'absent' || state === 'ended' ? w.states[state] : '';
  return (
    <Panel
      title={w.title}
      aside={
        <div class="buttons">
          {timeline.entries.length > 0 && (
            <button type="button" class="button quiet" onClick={() => setTimeline({ ...EMPTY, dialogue: timeline.dialogue })}>
              {w.clear}
            </button>
          )}
          <button type="button" class={on ? 'button quiet' : 'button'} onClick={() => setOn(!on)}>
            {on ? w.stop : w.start}
          </button>
        </div>
      }
    >
      <p class="muted small">
        {sentences(w.text, w.kept(count(ENTRIES_KEPT)))}
      </p>
      <p class="small" role="status">
        {says}
      </p>
      {failure && state !== 'absent' && <FailureNote failure={failure} />}
      {on && timeline.dialogue !== null && (
        <p class="small muted">{timeline.dialogue ? w.dialogue : w.figuresOnly}</p>
      )}
      {columns === 'device' && timeline.dialogue === true && (on || timeline.entries.length > 0) && (
        <Captions entries={timeline.entries} />
      )}
      {on && state === 'live' && timeline.entries.length === 0 && <p class="muted">{w.empty}</p>}
      {timeline.entries.length > 0 && <Entries entries={timeline.entries} columns={columns} />}
    </Panel>
  );
}

function Entries({ entries, columns }: { entries: readonly Entry[]; columns: 'device' | 'plugin' }) {
  const { watch: w, turns, device } = words.value;
  return (
    <div class="timeline" tabIndex={0} role="group" aria-label={w.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{w.at}</th>
            <th scope="col">{columns === 'device' ? device.plugin : turns.device}</th>
            <th scope="col">{w.event}</th>
            <th scope="col">{w.effects}</th>
            <th scope="col" class="end">
              {w.took}
            </th>
            <th scope="col" class="end">
              {w.memory}
            </th>
          </tr>
        </thead>
        <tbody>
          {[...entries].reverse().map((entry) => {
            const at = <td class="when">{clock(entry.at)}</td>;
            if (entry.kind === 'missed') {
              return (
                <tr key={entry.key}>
                  {at}
                  <td colSpan={5}>{w.missed(count(entry.records))}</td>
                </tr>
              );
            }
            if (entry.kind === 'turn') {
              const result = named(turns.outcomes, entry.turn.outcome) ?? entry.turn.outcome;
              return (
                <tr key={entry.key} class="turn-end">
                  {at}
                  <td colSpan={5}>{w.turn(result, ms(entry.turn.total_ms))}</td>
                </tr>
              );
            }
            const { call } = entry;
            const outcome = call.outcome ? named(w.outcomes, call.outcome) : undefined;
            return (
              <tr key={entry.key}>
                {at}
                <td class="by">
                  {columns === 'device' ? call.plugin : call.device}
                  <span class="muted small served">{w.served(call.version, count(call.generation))}</span>
                </td>
                <td>
                  <code>{call.event}</code>
                </td>
                <td class="did">
                  <span class="chips">
                    {call.effects.map((effect, index) => (
                      <code key={index}>{effect}</code>
                    ))}
                  </span>
                  {outcome && <span class="badge danger">{outcome}</span>}
                  {call.fault && (
                    <p class="fault small">
                      <Own>{call.fault}</Own>
                    </p>
                  )}
                  {entry.content !== null && (
                    <details>
                      <summary class="small">{w.detail}</summary>
                      <pre>{JSON.stringify(entry.content, null, 2)}</pre>
                    </details>
                  )}
                </td>
                <td class="end when">{us(entry.took)}</td>
                <td class="end when memory">{bytes(call.memory_bytes)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

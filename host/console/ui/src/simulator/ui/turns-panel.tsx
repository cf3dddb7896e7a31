// How long each turn took until it was heard, as a table with bars. Rule: the numbers stand in the table, the bars are
// drawing only; all bars share one axis.
import { Panel } from '../../parts/basics';
import { ms } from '../../words/format';
import type { Device } from '../device';
import { scale, stages, type Stage, type Turn } from '../turns';
import { words } from '../words';

const STAGES: readonly Stage['name'][] = ['understood', 'answered', 'sounded'];
const WIDTH = 1000;

function Bar({ turn, longest }: { turn: Turn; longest: number }) {
  const x = (at: number) => (Math.min(at, longest) / longest) * WIDTH;
  return (
    <svg class="sim-bar" viewBox={`0 0 ${WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
      {[0.25, 0.5, 0.75].map((part) => (
        <line key={part} x1={part * WIDTH} x2={part * WIDTH} y1={0} y2={16} />
      ))}
      {stages(turn).map(({ name, from, to }) => (
        <rect key={name} class={name} x={x(from)} y={2} width={Math.max(3, x(to) - x(from))} height={12} />
      ))}
    </svg>
  );
}

function Time({ turn, stage }: { turn: Turn; stage: Stage['name'] }) {
  const at = turn[stage];
  return (
    <td class={`end ${stage}`}>
      {at === null ? <span class="muted">{words.value.turns.none}</span> : ms(Math.max(0, Math.round(at - turn.from)))}
    </td>
  );
}

function outcomeClass(end: Turn['end']): string {
  if (end === 'failed') return 'badge danger';
  return end === 'interrupted' ? 'badge warn' : 'badge';
}

export function TurnsPanel({ device }: { device: Device }) {
  const w = words.value.turns;
  const turns = device.dialogue.turns.value;
  const longest = scale(turns);
  const legend = (
    <ul class="sim-legend">
      {STAGES.map((name) => (
        <li key={name}>
          <span class={`sim-swatch ${name}`} aria-hidden="true" />
          {w[name]}
        </li>
      ))}
    </ul>
  );
  return (
    <Panel title={w.heading} aside={turns.length > 0 ? legend : undefined}>
      <p class="muted small">{turns.length === 0 ? w.empty : w.lead}</p>
      {turns.length > 0 && (
        <table class="sim-turns">
          <caption class="visually-hidden">{w.caption}</caption>
          <thead>
            <tr>
              <th scope="col">{w.turn}</th>
              <th scope="col" class="sim-bars">
                <span class="visually-hidden">{w.stages}</span>
                <span class="sim-axis" aria-hidden="true">
                  <span>0</span>
                  <span>{ms(longest / 2)}</span>
                  <span>{ms(longest)}</span>
                </span>
              </th>
              {STAGES.map((name) => (
                <th key={name} scope="col" class={`end ${name}`}>
                  {w[name]}
                </th>
              ))}
              <th scope="col" class="sim-wide">
                {w.end}
              </th>
            </tr>
          </thead>
          <tbody>
            {[...turns].reverse().map((turn) => (
              <tr key={turn.id}>
                <th scope="row">
                  <span class="sim-turn-text">{turn.text || w.starts[turn.start]}</span>
                  <span class="muted small"> {w.starts[turn.start]}</span>
                </th>
                <td class="sim-bars">
                  <Bar turn={turn} longest={longest} />
                </td>
                {STAGES.map((name) => (
                  <Time key={name} turn={turn} stage={name} />
                ))}
                <td class="sim-wide">
                  <span class={outcomeClass(turn.end)}>{w.ends[turn.end ?? 'open']}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

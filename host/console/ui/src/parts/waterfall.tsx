// Turns as bars: what took how long until the first sound. Rule: the table is a real one, so that it reads without its
// bars; a bar is drawing only, and its stages are said in words beside it.
import type { DeviceTurn, Turn } from '../api/types';
import { hrefOf } from '../app/route';
import { words } from '../words';
import { named } from '../words/named';
import { clock, list, moment, ms } from '../words/format';
import { Own } from './basics';
import { axisFor, stagesOf, type Stage } from './stages';

const WIDTH = 1000;
const HEIGHT = 16;

/** How long a turn is on the axis: to its first sound; without sound, to the last stage or its end. */
function lengthOf(turn: Turn): number {
  return turn.first_sound_ms ?? turn.total_ms;
}

/** The longest time that the axis must hold: a turn without sound may run on for minutes, which says nothing here. */
function longestOf(turns: readonly Turn[]): number {
  const heard = turns.map((turn) => turn.first_sound_ms ?? 0);
  const most = Math.max(0, ...heard);
  return most > 0 ? most : Math.max(0, ...turns.map(lengthOf));
}

/** What each colour means. */
export function Legend() {
  const w = words.value.turns;
  return (
    <ul class="legend">
      {(['text_known', 'first_token', 'first_sound'] as const).map((name) => (
        <li key={name}>
          <span class={`swatch ${name}`} aria-hidden="true" />
          {w[name]}
        </li>
      ))}
    </ul>
  );
}

function spoken(turn: Turn, stages: readonly Stage[]): string {
  const w = words.value.turns.spoken;
  const parts = stages.map((stage) => w[stage.name](ms(stage.to)));
  if (typeof turn.first_sound_ms !== 'number') parts.push(w.silent(ms(turn.total_ms)));
  return list(parts);
}

function Bar({ turn, end, step }: { turn: Turn; end: number; step: number }) {
  const stages = stagesOf(turn);
  const x = (time: number): number => (Math.min(time, end) / end) * WIDTH;
  const ticks: number[] = [];
  for (let at = step; at < end; at += step) ticks.push(at);
  const rest = stages.at(-1)?.to ?? 0;
  return (
    <>
      <svg class="bars" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {ticks.map((at) => (
          <line key={at} class="tick-line" x1={x(at)} x2={x(at)} y1={0} y2={HEIGHT} />
        ))}
        {typeof turn.first_sound_ms !== 'number' && turn.total_ms > rest && (
          <rect class="stage none" x={x(rest)} y={6} width={Math.max(2, x(turn.total_ms) - x(rest))} height={4} />
        )}
        {stages.map((stage) => (
          <rect
            key={stage.name}
            class={`stage ${stage.name}`}
            x={x(stage.from)}
            y={2}
            width={Math.max(2, x(stage.to) - x(stage.from))}
            height={HEIGHT - 4}
          />
        ))}
      </svg>
      <span class="visually-hidden">{spoken(turn, stages)}</span>
    </>
  );
}

function Axis({ end, step }: { end: number; step: number }) {
  const ticks: number[] = [];
  for (let at = 0; at <= end + step / 2; at += step) ticks.push(at);
  return (
    <span class="axis" aria-hidden="true">
      {ticks.map((at) => (
        <span key={at} style={{ insetInlineStart: `${(at / end) * 100}%` }}>
          {ms(at)}
        </span>
      ))}
    </span>
  );
}

// Ids of one maker begin alike: where there is little room, their end is shown.
const TAIL = 8;

function DeviceLink({ id }: { id: string }) {
  const long = id.length > TAIL + 2;
  return (
    <a href={hrefOf({ page: 'device', id })} aria-label={id} title={id}>
      {long && <span class="id-head">{id.slice(0, -TAIL)}</span>}
      <span class={long ? 'id-tail' : ''}>{long ? id.slice(-TAIL) : id}</span>
    </a>
  );
}

function outcomeClass(outcome: string): string {
  if (outcome === 'failed') return 'badge danger';
  return outcome === 'interrupted' ? 'badge warn' : 'badge';
}

/** Turns as a table with bars, newest first. */
export function Waterfall(props: { turns: readonly (Turn | DeviceTurn)[]; caption: string }) {
  const w = words.value.turns;
  const axis = axisFor(longestOf(props.turns));
  const devices = props.turns.some((turn) => 'device' in turn);
  return (
    <table class="waterfall">
      <caption class="visually-hidden">{props.caption}</caption>
      <thead>
        <tr>
          <th scope="col" class="when">
            {w.when}
          </th>
          {devices && <th scope="col">{w.device}</th>}
          <th scope="col" class="wide">
            {w.what}
          </th>
          <th scope="col" class="stages">
            <span class="visually-hidden">{w.stages}</span>
            <Axis {...axis} />
          </th>
          <th scope="col" class="end sound">
            {w.first_sound}
          </th>
          <th scope="col" class="wide">
            {w.result}
          </th>
        </tr>
      </thead>
      <tbody>
        {[...props.turns].reverse().map((turn) => (
          <tr key={`${'device' in turn ? turn.device : ''} ${turn.turn} ${turn.at}`}>
            <td class="when">
              <time dateTime={new Date(turn.at).toISOString()} title={moment(turn.at)}>
                {clock(turn.at)}
              </time>
            </td>
            {devices && (
              <td class="who">
                {'device' in turn && <DeviceLink id={turn.device} />}
              </td>
            )}
            <td class="wide began">
              {named(w.kinds, turn.kind) ?? turn.kind}
              {turn.plugin && <span class="muted"> · {turn.plugin}</span>}
            </td>
            <td class="stages">
              <Bar turn={turn} {...axis} />
            </td>
            <td class="end when">
              {typeof turn.first_sound_ms === 'number' ? ms(turn.first_sound_ms) : <span class="muted">{w.silent}</span>}
            </td>
            <td class="wide">
              <span class={outcomeClass(turn.outcome)}>{named(w.outcomes, turn.outcome) ?? turn.outcome}</span>
              {turn.why && (
                <span class="muted small why">
                  <Own>{turn.why}</Own>
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// The drawing of a chart. Rule: drawing only, everything in it also stands in words beside it; one moment is pointed at
// in all charts, and a gap stays a gap.
import { effect, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { language } from '../../words';
import { ceilingOf, type Planned, spanOf, stepsOf } from './figures';
import type { Look } from './look';
import { nearest, partsOf, sampleAt, scaleOf, type Scale, ticksOf, timesBetween } from './scale';
import { minute, shown } from './units';

/** The moment that is pointed at, in Unix seconds. */
export const pointed = signal<number | null>(null);

/** Times in Unix seconds, then the values of each series. */
export type Data = [number[], ...(number | null)[][]];

const HEIGHT_REM = 9;

/** What is drawn, and where. */
interface Frame {
  context: CanvasRenderingContext2D;
  look: Look;
  times: readonly number[];
  x: Scale;
  y: Scale;
  left: number;
  right: number;
  bottom: number;
}

function axes({ context, look, x, y, left, right, bottom }: Frame, unit: string, most: number, span: [number, number]): void {
  context.font = look.font;
  context.fillStyle = look.text;
  context.strokeStyle = look.line;
  context.lineWidth = 1;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const value of ticksOf(most, Math.floor(bottom / (look.rem * 1.75)), stepsOf(unit))) {
    const at = Math.round(y(value)) + 0.5;
    context.beginPath();
    context.moveTo(left, at);
    context.lineTo(right, at);
    context.stroke();
    context.fillText(shown(value, unit), left - look.rem / 2, at);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const time of timesBetween(...span, Math.max(1, Math.floor((right - left) / (look.rem * 4.5))))) {
    const half = context.measureText(minute(time * 1000)).width / 2;
    const at = Math.min(Math.max(x(time), left + half), right - half);
    context.fillText(minute(time * 1000), at, bottom + look.rem / 2);
  }
}

/** A line along a part of a series; `steps`: level until the next value. */
function trace({ context, times, x, y }: Frame, values: readonly (number | null)[], [first, last]: [number, number], steps: boolean): void {
  context.beginPath();
  for (let at = first; at <= last; at += 1) {
    const [right, high] = [x(times[at] ?? 0), y(values[at] ?? 0)];
    if (steps && at > first) context.lineTo(right, y(values[at - 1] ?? 0));
    context.lineTo(right, high);
  }
}

function colourOf(plan: Planned, look: Look, place: number): string {
  return plan.name === 'warnings' ? look.warn : (look.figures[place] ?? look.text);
}

/** What tells two figures apart is not the colour alone: the second is hollow and dashed. */
function figure(frame: Frame, plan: Planned, values: readonly (number | null)[], place: number): void {
  const { context, look, times, x, y, bottom } = frame;
  const colour = colourOf(plan, look, place);
  const inside = place > 0 ? look.surface : colour;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = 1.5;
  context.setLineDash(place > 0 ? [5, 3] : []);
  if (plan.shape === 'bars') {
    const width = Math.min(10, Math.max(1, (x(times[1] ?? 0) - x(times[0] ?? 0)) * 0.7));
    values.forEach((value, at) => {
      if (value) context.fillRect(x(times[at] ?? 0) - width, y(value), width, bottom - y(value));
    });
    return;
  }
  for (const part of partsOf(values)) {
    if (plan.shape === 'line') {
      trace(frame, values, part, false);
      context.lineTo(x(times[part[1]] ?? 0), bottom);
      context.lineTo(x(times[part[0]] ?? 0), bottom);
      context.fillStyle = look.soft;
      context.fill();
      context.fillStyle = colour;
    }
    trace(frame, values, part, plan.shape === 'steps');
    context.stroke();
  }
  context.setLineDash([]);
  values.forEach((value, at) => {
    // One between two gaps has no line to be seen by.
    const isAlone = (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
    if (value !== null && (plan.shape === 'points' || isAlone)) dot(frame, at, value, inside, plan.shape === 'points' ? 2.5 : 1.5);
  });
}

function dot({ context, times, x, y }: Frame, at: number, value: number, inside: string, radius: number): void {
  context.beginPath();
  context.arc(x(times[at] ?? 0), y(value), radius, 0, 2 * Math.PI);
  context.fillStyle = inside;
  context.fill();
  context.stroke();
}

function draw(canvas: HTMLCanvasElement, plan: Planned, data: Data, look: Look, at: number): Scale | null {
  const context = canvas.getContext('2d');
  const [width, height, sharp] = [canvas.clientWidth, HEIGHT_REM * look.rem, devicePixelRatio];
  if (!context || width === 0) return null;
  canvas.width = Math.round(width * sharp);
  canvas.height = Math.round(height * sharp);
  context.scale(sharp, sharp);
  const [times, ...series] = data;
  const unit = plan.series[0]?.unit ?? '';
  const span = spanOf(times);
  const most = ceilingOf(unit, Math.max(0, ...series.flat().filter((value) => value !== null)));
  const [left, right, bottom] = [look.rem * 4, width - look.rem / 2, height - look.rem * 2];
  const x = scaleOf(span, [left, right]);
  const frame: Frame = { context, look, times, x, y: scaleOf([0, most], [bottom, look.rem / 2]), left, right, bottom };
  axes(frame, unit, most, span);
  series.forEach((values, place) => figure(frame, plan, values, place));
  context.setLineDash([]);
  if (at < 0) return x;
  context.strokeStyle = look.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(x(times[at] ?? 0)) + 0.5, look.rem / 2);
  context.lineTo(Math.round(x(times[at] ?? 0)) + 0.5, bottom);
  context.stroke();
  context.lineWidth = 2;
  series.forEach((values, place) => {
    const value = values[at];
    context.strokeStyle = colourOf(plan, look, place);
    if (typeof value === 'number') dot(frame, at, value, look.surface, 3.5);
  });
  return x;
}

export function Plot({ plan, data, look }: { plan: Planned; data: Data; look: Look }) {
  const place = useRef<HTMLCanvasElement>(null);
  const chosen = language.value;
  useEffect(() => {
    const canvas = place.current;
    if (!canvas) return undefined;
    const [times] = data;
    let x: Scale | null = null;
    const drawn = (): void => {
      x = draw(canvas, plan, data, look, sampleAt(times, pointed.peek()));
    };
    const moved = (event: PointerEvent): void => {
      if (!x || times.length === 0) return;
      const [first, last] = [x(0), x(1)];
      const at = nearest(times, (event.offsetX - first) / (last - first));
      pointed.value = times[at] ?? null;
    };
    const left = (): void => {
      pointed.value = null;
    };
    const sizes = new ResizeObserver(drawn);
    sizes.observe(canvas);
    canvas.addEventListener('pointermove', moved);
    canvas.addEventListener('pointerleave', left);
    // Draws at once, and whenever another moment is pointed at.
    const stop = effect(() => {
      void pointed.value;
      drawn();
    });
    return () => {
      stop();
      sizes.disconnect();
      canvas.removeEventListener('pointermove', moved);
      canvas.removeEventListener('pointerleave', left);
    };
  }, [plan, data, look, chosen]);
  // Who leaves by the keyboard never takes the pointer off it.
  useEffect(
    () => () => {
      pointed.value = null;
    },
    [],
  );
  return <canvas class="plot" ref={place} aria-hidden="true" />;
}

// The face of the device, drawn. Rule: its emotion is also said in words; the mouth follows what is heard while the
// device speaks, and the drawing costs nothing while it does not.
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Device } from '../device';
import { emotionWord, faceOf, type Eyes, type FaceShape } from '../emotions';
import { words } from '../words';

const LEFT = 66;
const RIGHT = 134;
const EYES = 62;
const MOUTH = 106;

function Eye({ kind, x }: { kind: Eyes; x: number }) {
  const isWinking = kind === 'wink' && x === RIGHT;
  const shown = kind === 'wink' ? (isWinking ? 'smiling' : 'open') : kind;
  switch (shown) {
    case 'smiling':
      return <path class="line" d={`M${x - 14} ${EYES + 5} Q${x} ${EYES - 15} ${x + 14} ${EYES + 5}`} />;
    case 'closed':
      return <path class="line" d={`M${x - 14} ${EYES} Q${x} ${EYES + 10} ${x + 14} ${EYES}`} />;
    case 'half':
      return (
        <path class="solid" d={`M${x - 11} ${EYES - 3} H${x + 11} V${EYES + 4} A11 11 0 0 1 ${x - 11} ${EYES + 4} Z`} />
      );
    case 'hearts':
      return (
        <path
          class="solid"
          d={`M${x} ${EYES + 14} C${x - 24} ${EYES - 2} ${x - 12} ${EYES - 18} ${x} ${EYES - 6} C${x + 12} ${EYES - 18} ${x + 24} ${EYES - 2} ${x} ${EYES + 14} Z`}
        />
      );
    case 'shades':
      return (
        <path class="solid" d={`M${x - 24} ${EYES - 12} H${x + 24} V${EYES} A20 16 0 0 1 ${x - 16} ${EYES + 8} Z`} />
      );
    case 'wide':
      return <circle class="line" cx={x} cy={EYES} r={14} />;
    default:
      return <rect class="solid" x={x - 9} y={EYES - 15} width={18} height={30} rx={9} />;
  }
}

function Brows({ tilt }: { tilt: number }) {
  if (tilt === 0) return null;
  const [inner, outer] = [34 + tilt * 7, 34 - tilt * 5];
  return (
    <path
      class="line"
      d={`M${LEFT - 16} ${outer} L${LEFT + 14} ${inner} M${RIGHT + 16} ${outer} L${RIGHT - 14} ${inner}`}
    />
  );
}

/** The outline of a mouth: a line where it is closed. */
function mouthPath(curve: number, open: number): string {
  const width = 27 - open * 7;
  const lower = MOUTH + curve * 15 + open * 26;
  const upper = MOUTH + curve * 15 - open * 8;
  const corner = MOUTH - curve * 5;
  return `M${100 - width} ${corner} Q100 ${lower} ${100 + width} ${corner} Q100 ${upper} ${100 - width} ${corner} Z`;
}

function Extra({ kind }: { kind: NonNullable<FaceShape['extra']> }) {
  switch (kind) {
    case 'tears':
      return <path class="tear" d={`M${LEFT} 78 q-7 12 0 16 q7 -4 0 -16 M${RIGHT} 78 q-7 12 0 16 q7 -4 0 -16`} />;
    case 'blush':
      return <path class="blush" d="M36 86 h18 M146 86 h18" />;
    case 'tongue':
      return <path class="tongue" d={`M104 ${MOUTH + 6} h16 v6 a8 8 0 0 1 -16 0 Z`} />;
  }
}

export function Face({ device }: { device: Device }) {
  const w = words.value;
  const emotion = device.dialogue.emotion.value;
  const shape = faceOf(emotion);
  const mouth = useRef<SVGPathElement>(null);
  useSignalEffect(() => {
    if (!device.dialogue.isSpeaking.value) return undefined;
    const { mouth: curve, open } = faceOf(device.dialogue.emotion.value);
    const set = (level: number) => mouth.current?.setAttribute('d', mouthPath(curve, Math.max(open, level)));
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return undefined;
    let smooth = 0;
    let frame = requestAnimationFrame(function draw() {
      smooth += (device.dialogue.level() - smooth) * 0.4;
      set(smooth);
      frame = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(frame);
      set(0);
    };
  });
  return (
    <svg class="sim-face" viewBox="0 0 200 150" role="img" aria-label={w.face(emotionWord(emotion, w.emotions))}>
      <Brows tilt={shape.brows} />
      <Eye kind={shape.eyes} x={LEFT} />
      <Eye kind={shape.eyes} x={RIGHT} />
      {shape.eyes === 'shades' && <path class="line" d={`M${LEFT} ${EYES - 11} H${RIGHT}`} />}
      <path ref={mouth} class="line mouth" d={mouthPath(shape.mouth, shape.open)} />
      {shape.extra && <Extra kind={shape.extra} />}
    </svg>
  );
}

// Resamples a stream of blocks to 16 kHz, for browsers whose microphone cannot be opened at that rate. Rule: pure; what
// lies above 7.2 kHz is filtered out before, or it would come back as noise.
import { UPLINK_RATE } from './protocol';

/** Zero crossings of the windowed sinc on each side. */
const CROSSINGS = 12;
/** Of half the output rate. */
const CUTOFF = 0.9;

export class Resampler {
  private readonly step: number;
  private readonly reach: number;
  private kept: Float32Array<ArrayBuffer>;
  /** Position of the next output sample within `kept`. */
  private position: number;

  constructor(private readonly rate: number) {
    this.step = rate / UPLINK_RATE;
    this.reach = Math.ceil((CROSSINGS * Math.max(1, this.step)) / CUTOFF);
    this.kept = new Float32Array(this.reach);
    this.position = this.reach;
  }

  /** The samples at 16 kHz that this block completes. */
  process(block: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    if (this.rate === UPLINK_RATE) return block;
    const input = new Float32Array(this.kept.length + block.length);
    input.set(this.kept);
    input.set(block, this.kept.length);
    const count = Math.max(0, Math.ceil((input.length - this.reach - this.position) / this.step));
    const output = new Float32Array(count);
    for (let index = 0; index < count; index++) {
      output[index] = this.at(input, this.position + index * this.step);
    }
    const end = this.position + count * this.step;
    const drop = Math.max(0, Math.floor(end) - this.reach);
    this.kept = input.slice(drop);
    this.position = end - drop;
    return output;
  }

  private at(input: Float32Array, position: number): number {
    const cutoff = CUTOFF / Math.max(1, this.step);
    const from = Math.max(0, Math.ceil(position - this.reach));
    const to = Math.min(input.length - 1, Math.floor(position + this.reach));
    let sum = 0;
    for (let index = from; index <= to; index++) {
      const distance = (index - position) * cutoff;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * (index - position)) / (this.reach + 1));
      const sinc = distance === 0 ? 1 : Math.sin(Math.PI * distance) / (Math.PI * distance);
      sum += (input[index] ?? 0) * sinc * window * cutoff;
    }
    return sum;
  }
}

/** Cuts a stream into frames of one length. */
export class Framer {
  private readonly frame: Float32Array<ArrayBuffer>;
  private filled = 0;

  constructor(length: number) {
    this.frame = new Float32Array(length);
  }

  /** Calls `emit` for each frame that these samples complete; the frame is its own to keep. */
  add(samples: Float32Array, emit: (frame: Float32Array<ArrayBuffer>) => void): void {
    let rest = samples;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.frame.length - this.filled);
      this.frame.set(part, this.filled);
      this.filled += part.length;
      rest = rest.subarray(part.length);
      if (this.filled === this.frame.length) {
        emit(this.frame.slice());
        this.filled = 0;
      }
    }
  }

  /** Completes the last frame with silence. */
  flush(emit: (frame: Float32Array<ArrayBuffer>) => void): void {
    if (this.filled > 0) this.add(new Float32Array(this.frame.length - this.filled), emit);
  }

  /** Drops what does not make a frame. */
  reset(): void {
    this.filled = 0;
  }
}

// Finds the end of speech in the loudness of the microphone, for the waterfall and the level meter. Rule: pure; it never
// decides what is sent: the server ends utterances.

/** Speech is this much louder than the quietest of the last seconds, and louder than this at all. */
const RATIO = 3;
const LEAST = 0.008;
/** By how much the noise floor rises with each block, so that it follows a room that gets louder. */
const RISE = 1.02;
/** So many loud blocks in a row are speech; fewer are a click. */
const STREAK = 3;

export class Loudness {
  private floor = 1;
  private streak = 0;
  private last: number | null = null;

  /** Adds a block of samples that ends at this time; returns its loudness, 0 to 1. */
  add(samples: Float32Array, at: number): number {
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const level = samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
    this.floor = Math.min(this.floor * RISE, Math.max(level, LEAST / RATIO));
    const isLoud = level > LEAST && level > this.floor * RATIO;
    this.streak = isLoud ? this.streak + 1 : 0;
    if (this.streak >= STREAK) this.last = at;
    return Math.min(1, level);
  }

  /** When speech was heard last; `null` if none was since the last call. */
  takeSpeechEnd(): number | null {
    const last = this.last;
    this.last = null;
    return last;
  }
}

// When a piece of received sound is to be played. Rule: pure and without a clock of its own: the caller says what time
// it is, in seconds of the AudioContext. Pieces follow each other without gaps; a late one costs latency once, and what
// lies too far ahead is dropped, as a device's queue of 2.4 s does.

/** Bounds of the delay before the first piece, in seconds. */
const LEAST_DELAY = 0.08;
const MOST_DELAY = 0.4;
/** By how much the delay grows with each gap, and shrinks with each stretch of speech that had none. */
const GROWTH = 0.04;
const DECAY = 0.02;
/** The most that may wait to be played. */
const MOST_AHEAD = 2.4;
/** A pause longer than this is one of the speaker, not of the network. */
const PAUSE = 0.5;

export class JitterBuffer {
  private delay = LEAST_DELAY;
  private next: number | null = null;
  private gaps = 0;

  /** The time at which a piece of this length begins, or `null` if it is to be dropped. */
  place(now: number, length: number): number | null {
    if (this.next === null) {
      this.next = now + this.delay;
    } else if (this.next < now) {
      if (now - this.next < PAUSE) {
        this.gaps += 1;
        this.delay = Math.min(this.delay + GROWTH, MOST_DELAY);
      }
      this.next = now + this.delay;
    } else if (this.next - now > MOST_AHEAD) {
      return null;
    }
    const start = this.next;
    this.next = start + length;
    return start;
  }

  /** The delay before the first piece, in seconds. */
  get latency(): number {
    return this.delay;
  }

  /** Seconds that are still to be played. */
  ahead(now: number): number {
    return this.next === null ? 0 : Math.max(0, this.next - now);
  }

  /** Ends a stretch of speech: the next piece begins anew. */
  reset(): void {
    if (this.next !== null && this.gaps === 0) this.delay = Math.max(LEAST_DELAY, this.delay - DECAY);
    this.next = null;
    this.gaps = 0;
  }
}

// The last frames that passed, for the view of them. Rule: bounded in lines and in characters; audio frames that follow
// each other are one line; while nobody looks, nothing is drawn.
import { signal } from '@preact/signals';
import type { Passing } from './connection';

export interface FrameLine {
  readonly id: number;
  /** Unix ms of its first frame. */
  readonly at: number;
  readonly way: 'sent' | 'received';
  readonly kind: 'text' | 'audio' | 'malformed';
  readonly text: string;
  readonly frames: number;
  readonly bytes: number;
}

const MOST_LINES = 200;
const MOST_TEXT = 4_000;
/** How often a view that is open is drawn. */
const DRAW_EVERY_MS = 200;

export class FrameLog {
  /** What is shown; empty while nobody looks. */
  readonly shown = signal<readonly FrameLine[]>([]);
  private lines: FrameLine[] = [];
  private next = 1;
  private isShown = false;
  private timer: number | null = null;

  add(passing: Passing): void {
    const { way, kind, bytes } = passing;
    if (kind === 'text') {
      this.lines.push({
        id: this.next++,
        at: Date.now(),
        way,
        kind,
        text: passing.text.slice(0, MOST_TEXT),
        frames: 1,
        bytes,
      });
    } else {
      // Both ways may speak at once: the line of this way is the last one or the one before.
      const index = this.lines.findLastIndex((line) => line.way === way);
      const line = this.lines[index];
      if (line && line.kind === kind && index >= this.lines.length - 2) {
        this.lines[index] = { ...line, frames: line.frames + 1, bytes: line.bytes + bytes };
      } else {
        this.lines.push({ id: this.next++, at: Date.now(), way, kind, text: '', frames: 1, bytes });
      }
    }
    if (this.lines.length > MOST_LINES) this.lines = this.lines.slice(-MOST_LINES);
    if (this.isShown) this.timer ??= window.setTimeout(() => this.draw(), DRAW_EVERY_MS);
  }

  /** Whether somebody looks. */
  show(isShown: boolean): void {
    this.isShown = isShown;
    this.draw();
  }

  private draw(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
    this.shown.value = this.isShown ? [...this.lines] : [];
  }
}

// Lines of JSON from a stream that arrives in pieces. Rule: pieces may be split anywhere, also within a character; a
// line that is too long or no JSON is dropped and counted, and the next one is read as if nothing had been.
const NEWLINE = 10;

/** The longest line that is read, in bytes. */
export const LINE_LIMIT = 1024 * 1024;

/** Makes lines of pieces. */
export class LineSplitter {
  /** Lines that were too long. */
  dropped = 0;
  private held: Uint8Array[] = [];
  private size = 0;
  private skipping = false;

  constructor(private readonly limit: number = LINE_LIMIT) {}

  /** Takes the next piece; returns the lines that it completes, without blank ones. */
  push(piece: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = piece.indexOf(NEWLINE, from);
      if (end < 0) break;
      const line = this.complete(piece.subarray(from, end));
      if (line !== null && line.trim() !== '') lines.push(line);
      from = end + 1;
    }
    this.hold(piece.subarray(from));
    return lines;
  }

  private complete(rest: Uint8Array): string | null {
    this.hold(rest);
    const whole = this.skipping ? null : join(this.held, this.size);
    this.held = [];
    this.size = 0;
    this.skipping = false;
    return whole === null ? null : new TextDecoder().decode(whole);
  }

  private hold(piece: Uint8Array): void {
    if (this.skipping || piece.length === 0) return;
    if (this.size + piece.length > this.limit) {
      this.held = [];
      this.size = 0;
      this.skipping = true;
      this.dropped += 1;
      return;
    }
    // The piece may be a view of a buffer that is used again.
    this.held.push(piece.slice());
    this.size += piece.length;
  }
}

function join(pieces: Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A line as an object; null if it is none. */
export function parseLine(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * Reads a body to its end and shows each object. `alive` is called for every piece, blank lines included: a stream that
 * sends nothing at all is dead.
 */
export async function readObjects(
  body: ReadableStream<Uint8Array>,
  show: (value: object) => void,
  alive: () => void,
): Promise<void> {
  const splitter = new LineSplitter();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      for (const line of splitter.push(value)) {
        const object = parseLine(line);
        if (object) show(object);
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

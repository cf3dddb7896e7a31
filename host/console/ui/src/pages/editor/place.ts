// Where a cursor stands in YAML: the path of keys above it, by indentation. Rule: pure, and never fails: it reads text
// that is being written, so what it cannot make out is left out; braces and brackets count as well as indentation.

export type Step = string | number;
export type Path = readonly Step[];

/** What would be written at the cursor. */
export interface Place {
  /** A key of the map at the path, or the value of the path. */
  kind: 'key' | 'value';
  path: Path;
  /** Where the word at the cursor begins. */
  from: number;
  /** Whether it stands within braces or brackets. */
  flow: boolean;
}

/** A key that is written, with its whole path. */
export interface KeyAt {
  path: Path;
  from: number;
  /** After its colon. */
  to: number;
}

export interface Reading {
  keys: KeyAt[];
  /** Null where neither a key nor a value may stand, such as in a comment. */
  place: Place | null;
}

interface Frame {
  indent: number;
  step: Step | null;
  open: '' | '{' | '[';
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`{}[\],?:-](?:[^:#]|:(?=\S)|(?<=\S)#)*?|-(?=\S)[^:#]*?)\s*:(?=\s|$)/;
const PROPERTIES = /^(?:[!&]\S*\s+)*/;

function unquoted(key: string): string {
  return /^(".*"|'.*')$/s.test(key) ? key.slice(1, -1) : key;
}

class Reader {
  readonly keys: KeyAt[] = [];
  /** Undefined as long as the cursor has not been reached. */
  place: Place | null | undefined;
  private stack: Frame[] = [];
  /** Lines that are indented more belong to a block of text; null outside of one. */
  private textBelow: number | null = null;

  constructor(
    private readonly text: string,
    private readonly cursor: number,
  ) {}

  read(): Reading {
    for (let at = 0; at <= this.text.length; ) {
      const newline = this.text.indexOf('\n', at);
      const end = newline < 0 ? this.text.length : newline;
      this.line(at, end);
      // Beyond the cursor's line, wherever it was.
      if (this.cursor >= at && this.cursor <= end && this.place === undefined) this.place = null;
      at = end + 1;
    }
    return { keys: this.keys, place: this.place ?? null };
  }

  private path(stack: readonly Frame[] = this.stack): Step[] {
    return stack.flatMap((frame) => (frame.step === null ? [] : [frame.step]));
  }

  private within(from: number, to: number): boolean {
    return this.place === undefined && this.cursor >= from && this.cursor <= to;
  }

  /** The frames that a line at this column stands under. */
  private above(column: number): Frame[] {
    const stack = [...this.stack];
    while (stack.length > 0 && (stack.at(-1)?.indent ?? 0) >= column) stack.pop();
    return stack;
  }

  private set(kind: Place['kind'], from: number, stack: readonly Frame[] = this.stack): void {
    this.place = { kind, path: this.path(stack), from, flow: stack.at(-1)?.open ? true : false };
  }

  private line(start: number, end: number): void {
    let at = start;
    while (at < end && this.text[at] === ' ') at += 1;
    const empty = at === end || this.text[at] === '\r';
    const indent = at - start;
    if (this.textBelow !== null) {
      if (empty ? !this.within(start, end) || this.cursor - start > this.textBelow : indent > this.textBelow) {
        if (this.within(start, end)) this.place = null;
        return;
      }
      if (!empty) this.textBelow = null;
    }
    if (this.stack.at(-1)?.open) {
      const owner = this.stack.findLast((frame) => frame.open === '')?.indent ?? -1;
      if (empty || indent > owner || '}]'.includes(this.text[at] ?? ' ')) return this.flow(start, end);
      this.stack = this.stack.filter((frame) => frame.open === '');
    }
    if (empty || this.text[at] === '#') {
      if (!this.within(start, end)) return;
      if (this.cursor > at) this.place = null;
      else this.set('key', this.cursor, this.above(this.cursor - start));
      return;
    }
    // Before what is written in the line.
    if (this.within(start, at - 1)) this.place = null;
    this.block(start, at, end);
  }

  /** A line outside of braces and brackets: dashes, then a key with its value, or a value. */
  private block(start: number, first: number, end: number): void {
    let at = first;
    let parent = -1;
    while (this.text[at] === '-' && /^(\s|$)/.test(this.text.slice(at + 1, Math.max(at + 2, end)))) {
      parent = at - start;
      this.item(parent);
      if (this.within(at, at)) this.place = null;
      const dash = at;
      at += 1;
      while (at < end && this.text[at] === ' ') at += 1;
      if (at === end ? this.within(dash + 1, end) : this.within(dash + 1, at - 1)) this.set('key', this.cursor);
    }
    if (at >= end) return;
    const column = at - start;
    const found = KEY.exec(this.text.slice(at, end));
    if (!found?.[1]) {
      if (/[{[|>!&]/.test(this.text[at] ?? '')) return this.value(at, end, parent);
      const comment = this.comment(at, end);
      if (this.within(at, comment)) this.set('key', at, this.above(column));
      return;
    }
    this.stack = this.above(column);
    const colon = at + found[0].length;
    if (this.within(at, colon - 1)) this.set('key', at);
    this.stack.push({ indent: column, step: unquoted(found[1]), open: '' });
    this.keys.push({ path: this.path(), from: at, to: colon });
    let value = colon;
    while (value < end && this.text[value] === ' ') value += 1;
    if (value === end ? this.within(colon, end) : this.within(colon, value - 1)) this.set('value', this.cursor);
    this.value(value, end, column);
  }

  /** An item of a list; a list may stand in the column of its key. */
  private item(column: number): void {
    while ((this.stack.at(-1)?.indent ?? -1) > column) this.stack.pop();
    const top = this.stack.at(-1);
    if (top && top.indent === column && typeof top.step === 'number') top.step += 1;
    else this.stack.push({ indent: column, step: 0, open: '' });
  }

  private value(from: number, end: number, parent: number): void {
    if (this.text[from] === '#' && this.within(from + 1, end)) this.place = null;
    const at = from + (PROPERTIES.exec(this.text.slice(from, end))?.[0].length ?? 0);
    const first = this.text[at] ?? '';
    if (at >= end || first === '#') return;
    if (first === '{' || first === '[') return this.flow(at, end);
    if (first === '|' || first === '>') {
      this.textBelow = parent;
      if (this.within(from, end)) this.place = null;
      return;
    }
    if (this.within(at, this.comment(at, end))) this.set('value', at);
  }

  /** Where a comment begins, or the line ends. */
  private comment(from: number, end: number): number {
    let quote = '';
    for (let at = from; at < end; at += 1) {
      const one = this.text[at] ?? '';
      if ((quote === '"' && one === '\\') || (quote === "'" && one === "'" && this.text[at + 1] === "'")) at += 1;
      else if (quote) quote = one === quote ? '' : quote;
      else if ((one === '"' || one === "'") && at === from) quote = one;
      else if (one === '#' && /\s/.test(this.text[at - 1] ?? ' ')) return at;
    }
    return end;
  }

  /** What stands within braces and brackets, up to the end of the line. */
  private flow(from: number, end: number): void {
    let at = from;
    while (at < end) {
      const one = this.text[at] ?? '';
      const top = this.stack.at(-1);
      const mapKey = top?.open === '{' && top.step === null;
      const kind = mapKey ? 'key' : 'value';
      if (one === '{' || one === '[') {
        if (this.within(at, at)) this.place = null;
        this.stack.push({ indent: Infinity, step: one === '[' ? 0 : null, open: one });
      } else if (one === '}' || one === ']') {
        if (this.within(at, at)) this.set(kind, at);
        this.stack.pop();
        if (!this.stack.at(-1)?.open) {
          if (this.within(at + 1, end)) this.place = null;
          return;
        }
      } else if (one === ',') {
        if (this.within(at, at)) this.set(kind, at);
        if (top) top.step = typeof top.step === 'number' ? top.step + 1 : null;
      } else if (one === '#' && (at === from || /\s/.test(this.text[at - 1] ?? ''))) {
        if (this.within(at, at)) this.set(kind, at);
        else if (this.within(at, end)) this.place = null;
        return;
      } else if (/\s/.test(one)) {
        // A word that begins at the cursor is completed, not this.
        if (this.within(at, at)) this.set(kind, at);
      } else {
        at = this.word(at, end, mapKey ? (top ?? null) : null, kind);
        continue;
      }
      at += 1;
    }
    if (this.within(from, end)) {
      const top = this.stack.at(-1);
      this.set(top?.open === '{' && top.step === null ? 'key' : 'value', this.cursor);
    }
  }

  /** A word within braces or brackets, with the colon after it; returns where it ends. */
  private word(from: number, end: number, map: Frame | null, kind: Place['kind']): number {
    let at = from;
    const quote = this.text[from] ?? '';
    if (quote === '"' || quote === "'") {
      at += 1;
      while (at < end && this.text[at] !== quote) at += this.text[at] === '\\' && quote === '"' ? 2 : 1;
      at = Math.min(at + 1, end);
    } else {
      while (at < end && !/[,[\]{}]/.test(this.text[at] ?? '')) {
        if (this.text[at] === ':' && /^[\s,[\]{}]?$/.test(this.text[at + 1] ?? '')) break;
        if (this.text[at] === '#' && this.text[at - 1] === ' ') break;
        at += 1;
      }
    }
    let after = at;
    while (after > from && this.text[after - 1] === ' ') after -= 1;
    if (this.within(from, after)) this.set(kind, from);
    while (at < end && this.text[at] === ' ') at += 1;
    if (this.text[at] !== ':') {
      if (this.within(after + 1, at - 1)) this.set(kind, from);
      return Math.max(at, from + 1);
    }
    if (map) {
      map.step = unquoted(this.text.slice(from, after));
      this.keys.push({ path: this.path(), from, to: at + 1 });
    }
    return at + 1;
  }
}

/** Reads a text with the cursor at an offset. */
export function readYaml(text: string, cursor: number): Reading {
  return new Reader(text, cursor).read();
}

/** Where the cursor stands. */
export function placeAt(text: string, cursor: number): Place | null {
  return readYaml(text, cursor).place;
}

/** A path as operators write it. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (before, step) => (typeof step === 'number' ? `${before}[${step}]` : before === '' ? step : `${before}.${step}`),
    '',
  );
}

// Emphasis, code and links within a line of Markdown. Rule: pure, bounded in depth, and no step backwards without end:
// a sign that nothing closes is text, and is looked for only once.
export type Span =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'emphasis' | 'deleted'; spans: Span[] }
  /** A link or a picture: its words, and its address as text. */
  | { kind: 'link'; spans: Span[]; address: string };

const DEPTH = 6;
/** A longer line is text. */
const LONGEST = 20_000;
const ESCAPED = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}_]/u;

const SIGNS = [
  ['***', 'strong'],
  ['**', 'strong'],
  ['__', 'strong'],
  ['~~', 'deleted'],
  ['*', 'emphasis'],
  ['_', 'emphasis'],
] as const;

/** The spans of a text. */
export function inline(text: string, depth = 0): Span[] {
  if (text === '') return [];
  if (depth >= DEPTH || text.length > LONGEST) return [{ kind: 'text', text }];
  return new Scanner(text, depth).spans();
}

/** Code without the one space that keeps its own backticks apart from those around it. */
function unpadded(code: string): string {
  const isPadded = code.length > 2 && code.startsWith(' ') && code.endsWith(' ') && code.trim() !== '';
  return isPadded ? code.slice(1, -1) : code;
}

class Scanner {
  private at = 0;
  private plain = '';
  private readonly out: Span[] = [];
  /** Signs that nothing closes from here on. */
  private readonly open = new Set<string>();

  constructor(
    private readonly text: string,
    private readonly depth: number,
  ) {}

  spans(): Span[] {
    while (this.at < this.text.length) {
      const sign = this.text[this.at] ?? '';
      const next = this.text[this.at + 1] ?? '';
      if (sign === '\\' && ESCAPED.test(next)) {
        this.plain += next;
        this.at += 2;
      } else if (!(this.code(sign) || this.link(sign, next) || this.emphasis(sign))) {
        this.plain += sign;
        this.at += 1;
      }
    }
    this.flush();
    return this.out;
  }

  private flush(): void {
    if (this.plain !== '') this.out.push({ kind: 'text', text: this.plain });
    this.plain = '';
  }

  private push(span: Span, end: number): true {
    this.flush();
    this.out.push(span);
    this.at = end;
    return true;
  }

  private inner(from: number, end: number): Span[] {
    return inline(this.text.slice(from, end), this.depth + 1);
  }

  private code(sign: string): boolean {
    if (sign !== '`') return false;
    const ticks = /^`+/.exec(this.text.slice(this.at, this.at + 16))?.[0] ?? '`';
    const from = this.at + ticks.length;
    if (!this.open.has(ticks)) {
      for (let end = this.text.indexOf(ticks, from); end >= 0; end = this.text.indexOf(ticks, end + 1)) {
        let behind = end;
        while (this.text[behind] === '`') behind += 1;
        if (behind - end === ticks.length) {
          return this.push({ kind: 'code', text: unpadded(this.text.slice(from, end)) }, behind);
        }
        end = behind - 1;
      }
      this.open.add(ticks);
    }
    this.plain += ticks;
    this.at = from;
    return true;
  }

  private link(sign: string, next: string): boolean {
    const isPicture = sign === '!' && next === '[';
    if ((sign !== '[' && !isPicture) || this.open.has('](')) return false;
    const from = this.at + (isPicture ? 2 : 1);
    const middle = this.text.indexOf('](', from);
    if (middle < 0) {
      this.open.add('](');
      return false;
    }
    const end = this.text.indexOf(')', middle + 2);
    if (end < 0) {
      this.open.add('](');
      return false;
    }
    const words = this.text.slice(from, middle);
    const address = this.text.slice(middle + 2, end).trim();
    if (words.includes('[') || words.includes('\n\n') || /\n/.test(address)) return false;
    return this.push({ kind: 'link', spans: this.inner(from, middle), address: address.replace(/^<(.*)>$/, '$1') }, end + 1);
  }

  private emphasis(sign: string): boolean {
    if (sign !== '*' && sign !== '_' && sign !== '~') return false;
    for (const [mark, kind] of SIGNS) {
      if (!this.text.startsWith(mark, this.at) || this.open.has(mark)) continue;
      const from = this.at + mark.length;
      if (!this.opens(mark, from)) continue;
      const end = this.closing(mark, from);
      if (end < 0) {
        this.open.add(mark);
        continue;
      }
      const spans = this.inner(from, end);
      const isBoth = mark === '***';
      return this.push({ kind, spans: isBoth ? [{ kind: 'emphasis', spans }] : spans }, end + mark.length);
    }
    // A run of signs that open nothing is text as a whole: none of its parts is looked at again.
    let end = this.at;
    while (this.text[end] === sign) end += 1;
    this.plain += this.text.slice(this.at, end);
    this.at = end;
    return true;
  }

  /** Whether a sign may open: something follows, and an underscore stands in no word. */
  private opens(mark: string, from: number): boolean {
    const next = this.text[from];
    if (next === undefined || /\s/.test(next)) return false;
    return !mark.startsWith('_') || !WORD.test(this.text[this.at - 1] ?? ' ');
  }

  private closing(mark: string, from: number): number {
    for (let end = this.text.indexOf(mark, from + 1); end >= 0; end = this.text.indexOf(mark, end + mark.length)) {
      const before = this.text[end - 1] ?? ' ';
      const behind = this.text[end + mark.length] ?? ' ';
      if (/[\s\\]/.test(before)) continue;
      // A single sign is not half of a double one.
      if (mark.length === 1 && (before === mark || behind === mark)) continue;
      if (mark.startsWith('_') && WORD.test(behind)) continue;
      return end;
    }
    return -1;
  }
}

// A small part of Markdown as data: headings, lists, quotes, code, tables, paragraphs. Rule: pure, bounded, and never an
// error: what it does not know is text. Nothing becomes an address; whoever wrote it may not be trusted.
import { inline, type Span } from './inline';

export type Block =
  | { kind: 'heading'; level: number; spans: Span[] }
  | { kind: 'paragraph'; spans: Span[] }
  | { kind: 'code'; text: string }
  | { kind: 'rule' }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Item[] }
  | { kind: 'table'; head: Span[][]; rows: Span[][][] };

export interface Item {
  /** Whether it is ticked; null for an item without a box. */
  ticked: boolean | null;
  blocks: Block[];
}

/** Lines that are shown at most. */
export const LINES_SHOWN = 10_000;
/** Quotes and lists within each other; deeper ones are text. */
const DEPTH = 8;
const COLUMNS = 20;

const HEADING = /^ {0,3}(#{1,6})(?:[ \t](.*))?$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const FENCE = /^( {0,3})(`{3,}|~{3,})[^`]*$/;
const QUOTE = /^ {0,3}> ?/;
const MARKER = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|[ \t]*)$/;
const BOX = /^\[([ xX])\][ \t]+/;
const DELIMITER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

function isBlank(line: string): boolean {
  return line.trim() === '';
}

/** Whether a line begins something else than the paragraph before it. */
function begins(line: string): boolean {
  return HEADING.test(line) || RULE.test(line) || FENCE.test(line) || QUOTE.test(line) || MARKER.test(line);
}

/** The cells of a row of a table; a bar after a backslash belongs to its cell. */
export function cellsOf(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  const row = line.trim();
  for (let at = row.startsWith('|') ? 1 : 0; at < row.length; at += 1) {
    const sign = row[at];
    if (sign === '\\' && row[at + 1] === '|') {
      cell += '|';
      at += 1;
    } else if (sign === '|') {
      cells.push(cell.trim());
      cell = '';
    } else {
      cell += sign;
    }
  }
  if (cell.trim() !== '' || !row.endsWith('|')) cells.push(cell.trim());
  return cells;
}

class Parser {
  private at = 0;

  constructor(
    private readonly lines: readonly string[],
    private readonly depth: number,
  ) {}

  blocks(): Block[] {
    const blocks: Block[] = [];
    while (this.at < this.lines.length) {
      if (isBlank(this.line)) this.at += 1;
      else blocks.push(this.block());
    }
    return blocks;
  }

  private get line(): string {
    return this.lines[this.at] ?? '';
  }

  private block(): Block {
    const { line } = this;
    const heading = HEADING.exec(line);
    if (heading) {
      this.at += 1;
      return { kind: 'heading', level: heading[1]?.length ?? 1, spans: inline(unclosed(heading[2] ?? '')) };
    }
    if (RULE.test(line)) {
      this.at += 1;
      return { kind: 'rule' };
    }
    if (FENCE.test(line)) return this.code();
    if (this.depth < DEPTH) {
      if (QUOTE.test(line)) return this.quote();
      if (MARKER.test(line)) return this.list();
    }
    return this.isTable() ? this.table() : this.paragraph();
  }

  private code(): Block {
    const [, indent = '', fence = '```'] = FENCE.exec(this.line) ?? [];
    const closing = new RegExp(`^ {0,3}${fence[0] === '`' ? '`' : '~'}{${fence.length},}[ \\t]*$`);
    const text: string[] = [];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      if (closing.test(this.line)) {
        this.at += 1;
        break;
      }
      text.push(this.line.startsWith(indent) ? this.line.slice(indent.length) : this.line);
    }
    return { kind: 'code', text: text.join('\n') };
  }

  private quote(): Block {
    const inner: string[] = [];
    while (this.at < this.lines.length && QUOTE.test(this.line)) {
      inner.push(this.line.replace(QUOTE, ''));
      this.at += 1;
    }
    return { kind: 'quote', blocks: new Parser(inner, this.depth + 1).blocks() };
  }

  private list(): Block {
    const first = MARKER.exec(this.line)?.[2] ?? '-';
    const ordered = /\d/.test(first);
    const items: Item[] = [];
    while (this.at < this.lines.length) {
      const marker = RULE.test(this.line) ? null : MARKER.exec(this.line);
      // Another sign begins another list.
      if (!marker || (marker[2] ?? '').at(-1) !== first.at(-1)) break;
      items.push(this.item(marker));
      let next = this.at;
      while (next < this.lines.length && isBlank(this.lines[next] ?? '')) next += 1;
      if (MARKER.test(this.lines[next] ?? '')) this.at = next;
      else break;
    }
    return { kind: 'list', ordered, start: ordered ? Number.parseInt(first, 10) : 1, items };
  }

  private item(marker: RegExpExecArray): Item {
    const [, before = '', sign = '-', space = ' ', text = ''] = marker;
    // The text of an item begins there, and so does what belongs to it.
    const indent = before.length + sign.length + (space.length > 4 ? 1 : space.length);
    const box = BOX.exec(text);
    const inner = [box ? text.slice(box[0].length) : text];
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      const { line } = this;
      if (isBlank(line)) {
        const next = this.lines.slice(this.at, this.at + 3).find((one) => !isBlank(one)) ?? '';
        if (indentOf(next) < indent) break;
        inner.push('');
      } else if (indentOf(line) >= Math.min(indent, before.length + 2)) {
        inner.push(line.slice(Math.min(indentOf(line), indent)));
      } else if (begins(line) || isBlank(inner.at(-1) ?? '')) {
        break;
      } else {
        inner.push(line.trimStart());
      }
    }
    const ticked = box ? box[1] !== ' ' : null;
    return { ticked, blocks: new Parser(inner, this.depth + 1).blocks() };
  }

  private isTable(): boolean {
    const delimiter = this.lines[this.at + 1] ?? '';
    if (!this.line.includes('|') || !delimiter.includes('-') || !DELIMITER.test(delimiter)) return false;
    const cells = cellsOf(this.line).length;
    return cells <= COLUMNS && cells === cellsOf(delimiter).length;
  }

  private table(): Block {
    const head = cellsOf(this.line).map(inline);
    const rows: Span[][][] = [];
    for (this.at += 2; this.at < this.lines.length && !isBlank(this.line) && this.line.includes('|'); this.at += 1) {
      const cells = cellsOf(this.line);
      rows.push(head.map((_, column) => inline(cells[column] ?? '')));
    }
    return { kind: 'table', head, rows };
  }

  private paragraph(): Block {
    const text = [this.line.trim()];
    // Where quotes and lists are too deep, every line is text.
    for (this.at += 1; this.at < this.lines.length; this.at += 1) {
      if (isBlank(this.line) || begins(this.line) || this.isTable()) break;
      text.push(this.line.trim());
    }
    return { kind: 'paragraph', spans: inline(text.join('\n')) };
  }
}

/** A heading without the signs that may close it. No regular expression: one would look from every sign anew. */
function unclosed(heading: string): string {
  const text = heading.trim();
  let end = text.length;
  while (text[end - 1] === '#') end -= 1;
  return end === 0 || /[ \t]/.test(text[end - 1] ?? '') ? text.slice(0, end).trimEnd() : text;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

export interface Parsed {
  blocks: Block[];
  /** Lines that are not in it. */
  left: number;
}

/** The beginning of a text as blocks: at most so many lines, and never more than `LINES_SHOWN`. */
export function markdown(text: string, most = LINES_SHOWN): Parsed {
  const lines = text.replace(/\r\n?/g, '\n').trimEnd().split('\n').map(untabbed);
  const shown = lines.slice(0, Math.min(most, LINES_SHOWN));
  return { blocks: new Parser(shown, 0).blocks(), left: lines.length - shown.length };
}

/** A line whose leading tabs are spaces. */
function untabbed(line: string): string {
  return line.replace(/^[ \t]+/, (space) => space.replaceAll('\t', '    '));
}

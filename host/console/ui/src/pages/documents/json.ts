// JSON as it was written, for reading. Rule: pure; a number keeps its digits and an object the order and the repetition
// of its members, which JSON.parse would lose; what is nested too deeply is kept as text.
export type Value =
  | { kind: 'object'; members: Member[] }
  | { kind: 'array'; items: Value[] }
  | { kind: 'string'; text: string }
  | { kind: 'number'; text: string }
  | { kind: 'word'; text: 'true' | 'false' | 'null' }
  /** Nested too deeply: as it stands in the source. */
  | { kind: 'deep'; text: string };

export type Member = readonly [name: string, value: Value];

/** Levels that are read; the server's own reader stops at as many. */
export const DEPTH = 128;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS = ['true', 'false', 'null'] as const;

class Reader {
  at = 0;

  constructor(readonly source: string) {}

  fail(): never {
    throw new SyntaxError(`no JSON at ${this.at}`);
  }

  space(): void {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.source)?.[0].length ?? 0;
  }

  /** Whether this sign comes next, which is then behind. */
  sign(sign: string): boolean {
    this.space();
    if (this.source[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  /** The end of the string that begins here. No regular expression: a long one would exhaust its stack. */
  stringEnd(): number {
    for (let end = this.source.indexOf('"', this.at + 1); end >= 0; end = this.source.indexOf('"', end + 1)) {
      let before = end;
      while (this.source[before - 1] === '\\') before -= 1;
      if ((end - before) % 2 === 0) return end + 1;
    }
    return this.fail();
  }

  string(): string {
    const end = this.stringEnd();
    const text = JSON.parse(this.source.slice(this.at, end)) as string;
    this.at = end;
    return text;
  }

  /** Goes behind an array or an object without reading it. */
  skip(): string {
    const from = this.at;
    let open = 0;
    do {
      const sign = this.source[this.at];
      if (sign === undefined) this.fail();
      if (sign === '"') {
        this.at = this.stringEnd();
        continue;
      }
      if (sign === '{' || sign === '[') open += 1;
      if (sign === '}' || sign === ']') open -= 1;
      this.at += 1;
    } while (open > 0);
    return this.source.slice(from, this.at);
  }

  value(depth: number): Value {
    this.space();
    const sign = this.source[this.at];
    if (sign === '"') return { kind: 'string', text: this.string() };
    if (sign === '{' || sign === '[') {
      if (depth >= DEPTH) return { kind: 'deep', text: this.skip() };
      this.at += 1;
      return sign === '{' ? this.object(depth) : this.array(depth);
    }
    const word = WORDS.find((one) => this.source.startsWith(one, this.at));
    if (word) {
      this.at += word.length;
      return { kind: 'word', text: word };
    }
    NUMBER.lastIndex = this.at;
    const text = NUMBER.exec(this.source)?.[0] ?? this.fail();
    this.at += text.length;
    return { kind: 'number', text };
  }

  object(depth: number): Value {
    const members: Member[] = [];
    if (this.sign('}')) return { kind: 'object', members };
    do {
      this.space();
      if (this.source[this.at] !== '"') this.fail();
      const name = this.string();
      if (!this.sign(':')) this.fail();
      members.push([name, this.value(depth + 1)]);
    } while (this.sign(','));
    return this.sign('}') ? { kind: 'object', members } : this.fail();
  }

  array(depth: number): Value {
    const items: Value[] = [];
    if (this.sign(']')) return { kind: 'array', items };
    do items.push(this.value(depth + 1));
    while (this.sign(','));
    return this.sign(']') ? { kind: 'array', items } : this.fail();
  }
}

/** Reads JSON. Throws a SyntaxError for what is none. */
export function readJson(source: string): Value {
  const reader = new Reader(source);
  const value = reader.value(0);
  reader.space();
  return reader.at === source.length ? value : reader.fail();
}

/** A member of an object; the last one of that name, as everywhere. */
export function member(value: Value, name: string): Value | undefined {
  return value.kind === 'object' ? value.members.findLast(([one]) => one === name)?.[1] : undefined;
}

/** The text of a member that is a string; empty if there is none. */
export function textOf(value: Value, name: string): string {
  const found = member(value, name);
  return found?.kind === 'string' ? found.text : '';
}

export type Scalar = Exclude<Value, { kind: 'object' | 'array' }>;

export function isScalar(value: Value): value is Scalar {
  return value.kind !== 'object' && value.kind !== 'array';
}

/** A value on one line or, indented, on several; digits stay as they are. */
export function writeJson(value: Value, indent = '  ', before = ''): string {
  if (value.kind === 'string') return JSON.stringify(value.text);
  if (isScalar(value)) return value.text;
  const [open, close] = value.kind === 'object' ? '{}' : '[]';
  const inner = before + indent;
  const parts =
    value.kind === 'object'
      ? value.members.map(([name, one]) => `${JSON.stringify(name)}:${indent ? ' ' : ''}${writeJson(one, indent, inner)}`)
      : value.items.map((one) => writeJson(one, indent, inner));
  if (parts.length === 0) return `${open}${close}`;
  if (indent === '') return `${open}${parts.join(',')}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${before}${close}`;
}

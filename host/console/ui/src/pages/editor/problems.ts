// Where the server's findings are in the text. Rule: pure; a finding about something else than this text, such as the
// environment, or without a place keeps its words, and one beyond the end of the text is shown at its end.

export interface Problem {
  /** What it says, without its place in this text and the excerpt after it. */
  sentence: string;
  /** From 1; null if it is not about a place in this text. */
  line: number | null;
  column: number;
}

/** How the server calls the text that it was sent. */
export const SENT = 'configuration';

/** A finding, with the place that it names as `SOURCE:LINE:COLUMN:` if the source is this text. */
export function problemOf(text: string, sources: readonly string[]): Problem {
  const first = text.split('\n', 1)[0] ?? '';
  for (const source of sources) {
    const found = first.startsWith(`${source}:`) ? /^:(\d{1,7}):(\d{1,7}):\s*/.exec(first.slice(source.length)) : null;
    const line = Number(found?.[1] ?? 0);
    if (!found || line === 0) continue;
    const sentence = first.slice(source.length + found[0].length) || first;
    return { sentence, line, column: Math.max(1, Number(found[2])) };
  }
  return { sentence: first, line: null, column: 1 };
}

/** The part of a line that a finding is about: from its column to the end of the word. */
export function spanOf(line: string, column: number): { from: number; to: number } {
  const from = Math.min(column - 1, line.length);
  const word = /^(?:"[^"]*"|'[^']*'|[^\s,:{}[\]#]+)/.exec(line.slice(from))?.[0].length ?? 0;
  if (word > 0) return { from, to: from + word };
  // Nothing there: the whole line, without its indentation.
  return { from: line.length - line.trimStart().length, to: line.trimEnd().length };
}

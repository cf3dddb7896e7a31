// Lines as plain text, for copies and for what a row says. Rule: pure; a line of a log is one line of text, whatever
// stands in it.
import type { Entry, Line } from './tail';

/** A value of a field as text: texts as they are, the rest as JSON. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A text without line breaks and other control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (one) => {
    if (one === '\n') return '\\n';
    return one === '\t' ? '\\t' : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A field as `name=value`; a value with spaces or quotes in it is quoted. */
export function fieldText(name: string, value: unknown): string {
  const text = valueText(value);
  const isPlain = typeof value !== 'string' || /^[^\s"'=]+$/.test(text);
  return oneLine(`${name}=${isPlain ? text : JSON.stringify(text)}`);
}

/** The fields of a line in one row. */
export function fieldsText(fields: Line['fields']): string {
  return Object.entries(fields)
    .map(([name, value]) => fieldText(name, value))
    .join(' ');
}

/** A line as text: time, level, module, message, fields. */
export function lineText({ at, level, target, message, fields }: Line): string {
  const parts = [new Date(at).toISOString(), level.toUpperCase().padEnd(5), `${target}:`, oneLine(message), fieldsText(fields)];
  return parts.filter((part) => part !== '').join(' ');
}

/** Entries as text; what happened between two lines by the words given. */
export function entriesText(entries: readonly Entry[], words: { missed: (lines: number) => string; restarted: string }): string {
  const lines = entries.map((entry) => {
    switch (entry.kind) {
      case 'line':
        return lineText(entry.line);
      case 'missed':
        return `# ${words.missed(entry.lines)}`;
      case 'restarted':
        return `# ${words.restarted}`;
    }
  });
  return lines.map((line) => `${line}\n`).join('');
}

export interface Act {
  method: string;
  path: string;
  from: string;
  outcome: string;
}

/** What an operator has done, if a line of the audit says so in the usual way. */
export function actOf({ fields }: Line): Act | null {
  const { method, path, from, outcome } = fields;
  const all = [method, path, from, outcome];
  return all.every((one) => typeof one === 'string') ? ({ method, path, from, outcome } as Act) : null;
}

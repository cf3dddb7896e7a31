// What was said and what happened, as captions. Rule: pure and bounded; texts of the server are kept as they came, and
// texts of ours as functions of the words, so that another language shows them anew.
import type { Words } from './words';

export type Tone = 'plain' | 'good' | 'warn' | 'danger';
export type Line = (words: Words) => string;

export type Entry =
  /** `isFinal`: false while the recogniser, or the server's echo of typed text, may still change it. */
  | { readonly id: number; readonly who: 'you'; readonly text: string; readonly isFinal: boolean }
  | { readonly id: number; readonly who: 'server'; readonly sentences: readonly string[]; readonly isCut: boolean }
  | { readonly id: number; readonly who: 'note'; readonly note: Note };

export interface Note {
  readonly tone: Tone;
  readonly title?: Line;
  readonly text: Line;
  readonly items?: readonly string[];
}

export interface Conversation {
  readonly entries: readonly Entry[];
  readonly next: number;
  /** The answer that is being spoken. */
  readonly speaking: number | null;
  /** What the person says, while it is not final. */
  readonly hearing: number | null;
  /** The last text that was final, until the server begins to answer. */
  readonly heard: string | null;
}

export const SILENT: Conversation = { entries: [], next: 1, speaking: null, hearing: null, heard: null };

/** Entries that are kept. */
const MOST = 300;
/** Characters of an entry; a server may send a megabyte. */
const MOST_TEXT = 8_000;
/** Entries among which a warning is not repeated. */
const RECENT = 8;
/** Sentences of an answer. */
const MOST_SENTENCES = 100;

/** The person says this, or has said it. What is final already is not heard again: the server repeats the text of `stt`
 * in a live transcript. */
export function youSay(now: Conversation, text: string, isFinal: boolean): Conversation {
  const said = text.slice(0, MOST_TEXT);
  if (!isFinal && now.hearing === null && said === now.heard) return now;
  const hearing = isFinal ? null : (now.hearing ?? now.next);
  const heard = isFinal ? said : now.heard;
  if (now.hearing === null) {
    return { ...append(now, { id: now.next, who: 'you', text: said, isFinal }), hearing, heard };
  }
  const entries = now.entries.map((entry) =>
    entry.id === now.hearing ? ({ id: entry.id, who: 'you', text: said, isFinal } as const) : entry,
  );
  return { ...now, entries, hearing, heard };
}

/** The server begins another sentence of its answer. Each carries the blank before it, if there is to be one. */
export function serverSays(now: Conversation, sentence: string): Conversation {
  if (sentence === '') return now;
  const said = sentence.slice(0, MOST_TEXT);
  const last = now.entries.find((entry) => entry.id === now.speaking);
  if (last?.who !== 'server') {
    const added = append(now, { id: now.next, who: 'server', sentences: [said], isCut: false });
    return { ...added, speaking: now.next, heard: null };
  }
  const before = last.sentences.at(-1) ?? '';
  const sentences = [...last.sentences, isDense(before, said) ? said : ` ${said}`].slice(-MOST_SENTENCES);
  return { ...now, entries: now.entries.map((entry) => (entry === last ? { ...last, sentences } : entry)) };
}

/** The answer is over; `isCut`: before its end. */
export function serverEnds(now: Conversation, isCut: boolean): Conversation {
  if (now.speaking === null) return now;
  const entries = now.entries.map((entry) =>
    isCut && entry.id === now.speaking && entry.who === 'server' ? { ...entry, isCut } : entry,
  );
  return { ...now, entries, speaking: null };
}

/** Something happened. A warning or an error that stands among the last entries already is not repeated. */
export function note(now: Conversation, added: Note, words: Words): Conversation {
  const recent = now.entries.slice(added.tone === 'warn' || added.tone === 'danger' ? -RECENT : -1);
  const isKnown = (entry: Entry) =>
    entry.who === 'note' && entry.note.tone === added.tone && entry.note.text(words) === added.text(words);
  if (recent.some(isKnown)) return now;
  return append(now, { id: now.next, who: 'note', note: added });
}

function append(now: Conversation, entry: Entry): Conversation {
  return { ...now, entries: [...now.entries, entry].slice(-MOST), next: now.next + 1 };
}

/** Chinese sentences follow each other without a blank. */
function isDense(before: string, sentence: string): boolean {
  return (
    /[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]$/.test(before) ||
    /^[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]/.test(sentence)
  );
}

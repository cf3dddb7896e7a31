// What was heard and said, from the calls of a watch. Rule: pure; a partial is replaced by what follows of its segment,
// the pieces of one answer are one line, and what is no text is left out.
import type { Json } from '../api/types';
import type { Entry } from './calls';

/** Lines that are kept. */
export const CAPTIONS_KEPT = 50;

/** How long a segment may go on. */
const SEGMENT_MS = 180_000;

export interface Caption {
  key: string;
  /** The segment of what was heard; the plugin that says it. */
  source: string;
  at: number;
  who: 'heard' | 'typed' | 'said';
  text: string;
  /** Something of it may still change or follow. */
  open: boolean;
  /** It was cut off. */
  cut: boolean;
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The last line that a plugin has said. */
function lastSaid(lines: readonly Caption[], plugin: string): Caption | undefined {
  return lines.findLast((line) => line.who === 'said' && line.source === plugin);
}

function hear(lines: Caption[], at: number, number: number, transcript: Json): void {
  const text = member(transcript, 'text');
  if (typeof text !== 'string' || text.trim() === '') return;
  const who = member(transcript, 'source') === 'typed' ? 'typed' : 'heard';
  const source = String(member(transcript, 'segment'));
  const open = member(transcript, 'is_final') === false;
  // Another session counts its segments from the beginning again.
  const before = lines.findLast((line) => line.who !== 'said' && line.source === source && at - line.at < SEGMENT_MS);
  if (before) Object.assign(before, { who, text, open });
  else lines.push({ key: `${number}`, source, at, who, text, open, cut: false });
}

function say(lines: Caption[], at: number, number: string, plugin: string, said: Json): void {
  const text = member(said, 'text');
  if (typeof text !== 'string') return;
  const open = member(said, 'more') === true;
  const before = lastSaid(lines, plugin);
  if (before?.open) {
    before.text += text;
    before.open = open;
  } else if (text.trim() !== '') {
    lines.push({ key: number, source: plugin, at, who: 'said', text, open, cut: false });
  }
}

/** The captions of calls, oldest first; of many, the last ones. */
export function captionsOf(entries: readonly Entry[]): Caption[] {
  const lines: Caption[] = [];
  for (const entry of entries) {
    if (entry.kind !== 'call') continue;
    const { plugin } = entry.call;
    const event = member(entry.content, 'event');
    const transcript = member(event, 'transcript');
    if (transcript !== undefined) hear(lines, entry.at, entry.key, transcript);
    const aborted = member(event, 'aborted');
    // Only where something was being said.
    if (typeof member(aborted, 'heard') === 'string') {
      const last = lastSaid(lines, plugin);
      if (last) Object.assign(last, { open: false, cut: true });
    }
    const effects = member(entry.content, 'effects');
    if (!Array.isArray(effects)) continue;
    effects.forEach((effect, index) => {
      const said = member(effect, 'say');
      if (said !== undefined) say(lines, entry.at, `${entry.key}.${index}`, plugin, said);
    });
  }
  return lines.slice(-CAPTIONS_KEPT);
}

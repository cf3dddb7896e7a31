// The last tries of each provider, to be compared. Rule: in the memory of this page only, and bounded; a sound is kept
// for the newest try alone.
import { signal } from '@preact/signals';
import type { Provider, ProviderKind } from './types';

/** Tries that are kept of each provider. */
export const TRIES_KEPT = 5;

export interface Tried {
  at: number;
  /** The provider and its model at that time. */
  with: string;
  /** What it was given, shortened. */
  what: string;
  /** The length of the sound, in ms. */
  lengthMs: number | null;
  firstMs: number | null;
  tookMs: number;
  text: string;
  error: string | null;
  sound: Blob | null;
}

type Tries = ReadonlyMap<string, readonly Tried[]>;

/** The tries of this page by provider, newest first. */
export const tries = signal<Tries>(new Map());

/** Whose tries are compared: those of an alias; there is one recogniser and one voice, whatever they are. */
export function keyOf({ kind, name }: { kind: ProviderKind; name: string }): string {
  return kind === 'model' ? `model ${name}` : kind;
}

/** What a try was made with. */
export function withOf({ kind, name, model }: Provider): string {
  if (!model) return name;
  return kind === 'model' ? model : `${name}, ${model}`;
}

const SHORT = 60;

/** The beginning of a text, in one line. */
export function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length > SHORT ? `${characters.slice(0, SHORT - 1).join('')}…` : line;
}

/** All tries with one more. */
export function withTry(all: Tries, key: string, one: Tried): Tries {
  const before = (all.get(key) ?? []).map((older) => (older.sound ? { ...older, sound: null } : older));
  return new Map(all).set(key, [one, ...before].slice(0, TRIES_KEPT));
}

export function addTry(key: string, one: Tried): void {
  tries.value = withTry(tries.value, key, one);
}

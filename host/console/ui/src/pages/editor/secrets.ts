// Placeholders of secrets, such as `<hidden:1>`. Rule: pure; a placeholder means a secret of the version that it came
// with, so a text may go on with another version only where its placeholders stand for the same there.
import { pathText, readYaml } from './place';

export const PLACEHOLDER = /<hidden:\d+>/g;

interface Held {
  path: string;
  /** The map or item around it, as it is written. */
  around: string;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** The lines of the block that a line belongs to. */
function blockOf(lines: readonly string[], at: number): string {
  // A dash is indentation, too.
  const columns = lines.map((line) => indentOf(line.replace(/^(\s*)-(?=\s)/, '$1 ')));
  const column = columns[at] ?? 0;
  const belongs = (index: number): boolean => (lines[index] ?? '').trim() === '' || (columns[index] ?? 0) >= column;
  let first = at;
  while (first > 0 && !/^\s*-\s/.test(lines[first] ?? '') && belongs(first - 1)) first -= 1;
  let last = at;
  while (last + 1 < lines.length && belongs(last + 1) && !/^\s*-\s/.test(lines[last + 1] ?? '')) last += 1;
  const block = lines.slice(first, last + 1).filter((line) => line.trim() !== '').join('\n');
  // Numbers of placeholders belong to a version.
  return block.replace(PLACEHOLDER, '<hidden>');
}

function heldIn(text: string): Map<string, Held> {
  const held = new Map<string, Held>();
  const lines = text.split('\n');
  const { keys } = readYaml(text, 0);
  for (const found of text.matchAll(PLACEHOLDER)) {
    const key = keys.findLast((one) => one.to <= found.index);
    const path = key ? pathText(key.path) : '';
    // Items of a list have no name: what stands beside the secret says whose it is.
    const around = path.includes('[') ? blockOf(lines, text.slice(0, found.index).split('\n').length - 1) : '';
    held.set(found[0], { path, around });
  }
  return held;
}

/** A text with placeholders of one version, as it is written in another; null if one of them stands for nothing there. */
export function carriedOver(text: string, from: string, to: string): string | null {
  const before = heldIn(from);
  const after = [...heldIn(to)];
  const names = new Map<string, string>();
  for (const one of new Set(text.match(PLACEHOLDER) ?? [])) {
    const old = before.get(one);
    const same = after.filter(([, now]) => old !== undefined && now.path === old.path && now.around === old.around);
    // Two of them: which one is meant cannot be told.
    const name = same.length === 1 ? same[0]?.[0] : undefined;
    if (name === undefined) return null;
    names.set(one, name);
  }
  return text.replace(PLACEHOLDER, (one) => names.get(one) ?? one);
}

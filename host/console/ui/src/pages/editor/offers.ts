// What may be written at a cursor. Rule: pure; keys that the map has already are left out, and where nothing can be
// counted nothing is offered.
import { type Place, pathText, readYaml } from './place';
import { descriptionOf, keysOf, type Schema, schemasAt, typesOf, valuesOf } from './schema';

export interface Offer {
  kind: 'key' | 'value';
  label: string;
  /** What is written. */
  text: string;
  description: string;
  types: string[];
  byDefault: boolean;
}

export interface Offers {
  from: number;
  offers: Offer[];
}

/** How a key is written: with its colon, and a line of its own for a map. */
function keyText(name: string, types: readonly string[], place: Place, indent: number): string {
  if (types.length !== 1 || types[0] !== 'object' || place.flow) return `${name}: `;
  return `${name}:\n${' '.repeat(indent + 2)}`;
}

/** What may be written in a text at an offset; null for nothing. */
export function offersAt(schema: Schema, text: string, cursor: number): Offers | null {
  const { keys, place } = readYaml(text, cursor);
  if (!place) return null;
  const { from, path } = place;
  const nodes = schemasAt(schema, path);
  const offers: Offer[] = [];
  if (place.kind === 'key') {
    const parent = pathText(path);
    const written = new Set(
      keys
        .filter((key) => key.from !== from && key.path.length === path.length + 1 && pathText(key.path.slice(0, -1)) === parent)
        .map((key) => key.path.at(-1)),
    );
    const indent = from - (text.lastIndexOf('\n', from - 1) + 1);
    const line = text.slice(cursor).split('\n', 1)[0] ?? '';
    const hasColon = /^[\w.-]*\s*:/.test(line);
    for (const { name, description, types } of keysOf(schema, nodes)) {
      if (written.has(name)) continue;
      const whole = hasColon ? name : keyText(name, types, place, indent);
      offers.push({ kind: 'key', label: name, text: whole, description, types, byDefault: false });
    }
  }
  // An item of a list that is no map is a value.
  if (place.kind === 'value' || typeof path.at(-1) === 'number') {
    for (const { text: value, description, byDefault } of valuesOf(nodes)) {
      offers.push({ kind: 'value', label: value, text: value, description, types: [], byDefault });
    }
  }
  return offers.length > 0 ? { from, offers } : null;
}

export interface About {
  path: string;
  description: string;
  types: string[];
}

/** What the setting at a cursor is; null where none is, or none that the schema knows. */
export function aboutAt(schema: Schema, text: string, cursor: number): About | null {
  const { keys, place } = readYaml(text, cursor);
  if (!place) return null;
  const key = place.kind === 'key' ? keys.find((one) => one.from === place.from) : undefined;
  const path = key?.path ?? place.path;
  const nodes = path.length > 0 ? schemasAt(schema, path) : [];
  return nodes.length > 0 ? { path: pathText(path), description: descriptionOf(nodes), types: typesOf(nodes) } : null;
}

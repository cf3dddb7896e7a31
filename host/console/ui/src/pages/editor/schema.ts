// What the schema of the configuration says of a path: keys, values, descriptions. Rule: pure and bounded; what a schema
// does not say is not made up, and one that refers to itself is read once.
import type { Path, Step } from './place';

export type Schema = { readonly [member: string]: unknown };

const MOST = 200;

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(node: Schema, name: string): unknown {
  return Object.hasOwn(node, name) ? node[name] : undefined;
}

/** What a reference within the document means. */
function referred(root: Schema, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined;
  let node: unknown = root;
  for (const part of reference.slice(1).split('/').filter(Boolean)) {
    if (!isSchema(node)) return undefined;
    node = own(node, part.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return node;
}

/** A schema with all that it refers to and chooses from, the nearest first; each of them once. */
function unfolded(root: Schema, node: unknown, found = new Set<Schema>()): Schema[] {
  if (!isSchema(node) || found.has(node) || found.size >= MOST) return [...found];
  found.add(node);
  if (typeof node['$ref'] === 'string') unfolded(root, referred(root, node['$ref']), found);
  for (const choice of ['allOf', 'anyOf', 'oneOf']) {
    const all = own(node, choice);
    if (Array.isArray(all)) for (const one of all as unknown[]) unfolded(root, one, found);
  }
  return [...found];
}

function below(root: Schema, nodes: readonly Schema[], step: Step): Schema[] {
  const next = nodes.flatMap((node) => {
    if (typeof step === 'number') return unfolded(root, own(node, 'items'));
    const properties = own(node, 'properties');
    const named = isSchema(properties) ? own(properties, step) : undefined;
    return unfolded(root, named ?? own(node, 'additionalProperties'));
  });
  return next.slice(0, MOST);
}

/** All schemas that hold at a path; none where nothing is known. */
export function schemasAt(root: Schema, path: Path): Schema[] {
  return path.reduce<Schema[]>((nodes, step) => below(root, nodes, step), unfolded(root, root));
}

/** What a setting is, as its schema describes it. */
export function descriptionOf(nodes: readonly Schema[]): string {
  // A constant describes one value, not the setting.
  const found = nodes.find((node) => typeof node['description'] === 'string' && !('const' in node));
  return typeof found?.['description'] === 'string' ? found['description'] : '';
}

/** The names of a setting's types, without null. */
export function typesOf(nodes: readonly Schema[]): string[] {
  const types = nodes.flatMap((node) => (Array.isArray(node['type']) ? (node['type'] as unknown[]) : [node['type']]));
  return [...new Set(types.filter((type): type is string => typeof type === 'string' && type !== 'null'))];
}

export interface KeyOffer {
  name: string;
  description: string;
  types: string[];
}

/** The keys that a map may have. */
export function keysOf(root: Schema, nodes: readonly Schema[]): KeyOffer[] {
  const names = new Set(nodes.flatMap((node) => (isSchema(node['properties']) ? Object.keys(node['properties']) : [])));
  return [...names].map((name) => {
    const inner = below(root, nodes, name);
    return { name, description: descriptionOf(inner), types: typesOf(inner) };
  });
}

export interface ValueOffer {
  text: string;
  description: string;
  byDefault: boolean;
}

/** A value as YAML reads it back. */
function written(value: unknown): string | null {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value !== 'string') return null;
  const plain = /^[A-Za-z_][\w./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}

/** The values that a setting may have, where they can be counted. */
export function valuesOf(nodes: readonly Schema[]): ValueOffer[] {
  const byDefault = written(nodes.find((node) => 'default' in node)?.['default']);
  const offers = new Map<string, ValueOffer>();
  const add = (value: unknown, description: unknown): void => {
    const text = written(value);
    if (text === null || offers.has(text)) return;
    offers.set(text, { text, description: typeof description === 'string' ? description : '', byDefault: text === byDefault });
  };
  for (const node of nodes) {
    if ('const' in node) add(node['const'], node['description']);
    if (Array.isArray(node['enum'])) for (const value of node['enum'] as unknown[]) add(value, '');
  }
  if (typesOf(nodes).includes('boolean')) for (const value of [true, false]) add(value, '');
  return [...offers.values()];
}

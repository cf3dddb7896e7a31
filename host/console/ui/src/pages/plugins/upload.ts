// Files of a plugin that an operator wants to install. Rule: pure, and what the server would refuse for its size is not
// sent; whether a file is a plugin is for the server to say.

/** The largest plugin that the server takes. */
export const MOST_BYTES = 64 * 1024 * 1024;
/** A `.minisig` file has some 300 bytes. */
export const MOST_SIGNATURE_BYTES = 8 * 1024;

/** What the check of a plugin answers. */
export interface Checked {
  id: string;
  version: string;
  contract: string;
  sha256: string;
  bytes: number;
  modes: string[];
  /** What it requires. */
  grants: string[];
  missing_grants: string[];
  replaces: string | null;
  file: string;
  /** Null: none is asked for. */
  signature: string | null;
  note?: string | null;
}

/** What of a file decides whether it is taken. */
export interface Named {
  readonly name: string;
  readonly size: number;
}

export type Choice<F extends Named> =
  | { plugin: F; signature: F | null }
  | { why: 'noWasm' | 'several' }
  | { why: 'foreign' | 'empty'; name: string }
  | { why: 'tooLarge'; name: string; size: number; limit: number };

function endsIn(ending: string): (file: Named) => boolean {
  return (file) => file.name.toLowerCase().endsWith(ending);
}

/** The plugin and its signature among files, or why they cannot be taken. */
export function chosen<F extends Named>(files: readonly F[]): Choice<F> {
  const isPlugin = endsIn('.wasm');
  const isSignature = endsIn('.minisig');
  const foreign = files.find((file) => !isPlugin(file) && !isSignature(file));
  if (foreign) return { why: 'foreign', name: foreign.name };
  const [plugin, ...plugins] = files.filter(isPlugin);
  const [signature, ...signatures] = files.filter(isSignature);
  if (plugins.length > 0 || signatures.length > 0) return { why: 'several' };
  if (!plugin) return { why: 'noWasm' };
  for (const [file, limit] of [[plugin, MOST_BYTES], [signature, MOST_SIGNATURE_BYTES]] as const) {
    if (!file) continue;
    if (file.size === 0) return { why: 'empty', name: file.name };
    if (file.size > limit) return { why: 'tooLarge', name: file.name, size: file.size, limit };
  }
  return { plugin, signature: signature ?? null };
}

/** Bytes in base64, for a header. */
export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function quoted(text: string): string {
  return /^[A-Za-z][\w-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
}

/** The setting that grants a plugin what it asks for. */
export function grantsYaml(id: string, grants: readonly string[]): string {
  return `plugins:\n  grants:\n    ${quoted(id)}: [${grants.map(quoted).join(', ')}]\n`;
}

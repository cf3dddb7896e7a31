// The form of a tool, from the JSON Schema of its arguments. Rule: pure; what this does not understand becomes a field
// for JSON, and the device alone judges the rest. Names come from the device, so that they are never keys of an object
// until the very end.
import type { Json } from '../../api/types';

export type FieldKind = 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'json';

export interface Field {
  name: string;
  kind: FieldKind;
  required: boolean;
  description: string;
  /** What may be chosen. */
  choices: readonly Json[];
  least: number | null;
  most: number | null;
  /** What stands in the field at first, as it is entered. */
  initial: string;
}

export type Problem = 'required' | 'number' | 'integer' | 'least' | 'most' | 'json' | 'object' | 'short' | 'long';

/** The one field where a schema has no form: all arguments as JSON. */
export const WHOLE = '';

type JsonObject = { [member: string]: Json };

const MOST_FIELDS = 40;
const MOST_CHOICES = 200;

function objectOf(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

function member(object: JsonObject | null, name: string): Json | undefined {
  return object && Object.hasOwn(object, name) ? object[name] : undefined;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The one type of a schema, apart from null. */
function typeOf(schema: JsonObject | null): string {
  const type = member(schema, 'type');
  if (typeof type === 'string') return type;
  if (!Array.isArray(type)) return '';
  const others = type.filter((one) => one !== 'null');
  return others.length === 1 && typeof others[0] === 'string' ? others[0] : '';
}

function kindOf(schema: JsonObject | null): FieldKind {
  const choices = member(schema, 'enum');
  if (Array.isArray(choices) && choices.length > 0 && choices.length <= MOST_CHOICES) return 'choice';
  switch (typeOf(schema)) {
    case 'string':
      return 'text';
    case 'number':
      return 'number';
    case 'integer':
      return 'integer';
    case 'boolean':
      return 'boolean';
    default:
      return 'json';
  }
}

/** A value as its field has it. */
function entered(kind: FieldKind, value: Json | undefined, choices: readonly Json[]): string {
  if (value === undefined) return '';
  if (kind === 'choice') {
    const at = choices.findIndex((one) => JSON.stringify(one) === JSON.stringify(value));
    return at < 0 ? '' : String(at);
  }
  if (kind === 'text') return typeof value === 'string' ? value : '';
  return JSON.stringify(value);
}

function fieldOf(name: string, described: Json, required: boolean): Field {
  const schema = objectOf(described);
  const kind = kindOf(schema);
  const listed = member(schema, 'enum');
  const choices = kind === 'choice' && Array.isArray(listed) ? listed : [];
  const about = member(schema, 'description');
  const isText = kind === 'text';
  return {
    name,
    kind,
    required,
    description: typeof about === 'string' ? about : '',
    choices,
    least: numberOf(member(schema, isText ? 'minLength' : 'minimum')),
    most: numberOf(member(schema, isText ? 'maxLength' : 'maximum')),
    initial: entered(kind, member(schema, 'default'), choices),
  };
}

const whole: Field = {
  name: WHOLE,
  kind: 'json',
  required: true,
  description: '',
  choices: [],
  least: null,
  most: null,
  initial: '{}',
};

/** The fields of a schema, what is required first. */
export function fieldsOf(schema: Json): Field[] {
  const object = objectOf(schema);
  const properties = objectOf(member(object, 'properties'));
  if (!properties) {
    // A schema without members takes none, unless it says more than this understands.
    const says = Object.keys(object ?? {}).some((name) => /^(\$ref|oneOf|anyOf|allOf|patternProperties)$/.test(name));
    return says || member(object, 'additionalProperties') === true ? [whole] : [];
  }
  const names = Object.keys(properties);
  if (names.length > MOST_FIELDS) return [whole];
  const needed = member(object, 'required');
  const required = new Set(Array.isArray(needed) ? needed : []);
  const fields = names.map((name) => fieldOf(name, properties[name] ?? null, required.has(name)));
  return [...fields.filter((one) => one.required), ...fields.filter((one) => !one.required)];
}

/** What stands in the fields at first. */
export function initialEntries(fields: readonly Field[]): Map<string, string> {
  return new Map(fields.map((field) => [field.name, field.initial]));
}

type Read = { value: Json } | { problem: Problem } | null;

function readNumber(field: Field, text: string): Read {
  const value = Number(text);
  if (!Number.isFinite(value) || !/^[-+]?[\d.]/.test(text)) return { problem: field.kind === 'integer' ? 'integer' : 'number' };
  if (field.kind === 'integer' && !Number.isInteger(value)) return { problem: 'integer' };
  if (field.least !== null && value < field.least) return { problem: 'least' };
  if (field.most !== null && value > field.most) return { problem: 'most' };
  return { value };
}

function readJson(field: Field, text: string): Read {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return { problem: 'json' };
  }
  return field.name === WHOLE && !objectOf(value) ? { problem: 'object' } : { value };
}

/** What was entered into a field; null if it is left out. */
function read(field: Field, text: string): Read {
  const blank = field.kind === 'text' ? text === '' : text.trim() === '';
  // A required text may be empty, where the tool does not say how long it is.
  if (blank && field.required && field.kind === 'text' && field.least === null) return { value: '' };
  if (blank) return field.required ? { problem: 'required' } : null;
  switch (field.kind) {
    case 'text':
      if (field.least !== null && [...text].length < field.least) return { problem: 'short' };
      if (field.most !== null && [...text].length > field.most) return { problem: 'long' };
      return { value: text };
    case 'number':
    case 'integer':
      return readNumber(field, text.trim());
    case 'boolean':
      return { value: text === 'true' };
    case 'choice': {
      const value = field.choices[Number(text)];
      return value === undefined ? { problem: 'required' } : { value };
    }
    case 'json':
      return readJson(field, text);
  }
}

export interface Arguments {
  /** Null while there are problems. */
  arguments: JsonObject | null;
  problems: ReadonlyMap<string, Problem>;
}

/** The arguments of a call, from what was entered. */
export function argumentsOf(fields: readonly Field[], entries: ReadonlyMap<string, string>): Arguments {
  const problems = new Map<string, Problem>();
  const values: [string, Json][] = [];
  for (const field of fields) {
    const one = read(field, entries.get(field.name) ?? '');
    if (one === null) continue;
    if ('problem' in one) problems.set(field.name, one.problem);
    else values.push([field.name, one.value]);
  }
  if (problems.size > 0) return { arguments: null, problems };
  const all = fields[0]?.name === WHOLE && fields.length === 1 ? objectOf(values[0]?.[1]) : null;
  // fromEntries makes each name a member of its own, also `__proto__`.
  return { arguments: all ?? Object.fromEntries(values), problems };
}

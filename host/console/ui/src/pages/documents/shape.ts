// How a value is shown: lists of objects as tables, single values as facts, the rest as a tree. Rule: pure, and without
// any knowledge of who has written the value; a member is shown in exactly one place.
import { isScalar, member, type Member, type Scalar, type Value } from './json';

export interface Row {
  /** The name of the member that the row was, in a table of members. */
  name: string;
  cells: (Value | undefined)[];
  /** What no column shows; null if there is nothing. */
  rest: Value | null;
}

export interface Table {
  name: string;
  /** Whether the rows are members of an object, with names. */
  named: boolean;
  columns: string[];
  rows: Row[];
}

export interface Shape {
  facts: (readonly [name: string, value: Scalar])[];
  tables: Table[];
  rest: Member[];
}

const COLUMNS = 7;
// Rows that the columns are taken from.
const LOOKED_AT = 200;

// What readers look for first, by what such members are commonly called.
const FIRST = [
  ['id', 'key'],
  ['title', 'name', 'label', 'subject'],
  ['text', 'content', 'description', 'summary', 'note', 'message'],
  ['status', 'state', 'stage', 'phase', 'done', 'completed', 'finished'],
  ['priority'],
  ['assignee', 'owner', 'owner_alias', 'who', 'by', 'author', 'speaker', 'from', 'device'],
  ['due', 'deadline'],
  ['at', 'time', 'date', 'created', 'created_at', 'updated', 'updated_at'],
].flat();

/** Whether members of this name say how far something is. */
export function isState(name: string): boolean {
  return ['status', 'state', 'stage', 'phase'].includes(name.toLowerCase());
}

const TIMES = ['at', 'time', 'date', 'due', 'deadline', 'started', 'ended', 'created', 'updated', 'changed', 'timestamp'];

/** A member that is a Unix time in ms, between the years 2001 and 2100; null if it is none. */
export function timeOf(name: string, value: Value): number | null {
  const plain = name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  const named = TIMES.includes(plain) || /_(at|time|ms)$/.test(plain);
  if (!named || value.kind !== 'number' || !/^\d{13}$/.test(value.text)) return null;
  const at = Number(value.text);
  return at < 4_102_444_800_000 ? at : null;
}

/** What a cell can show: one value, or a short list of such. */
function isPlain(value: Value): boolean {
  return isScalar(value) || (value.kind === 'array' && value.items.length <= 10 && value.items.every(isScalar));
}

function rankOf(name: string): number {
  const rank = FIRST.indexOf(name.toLowerCase());
  return rank < 0 ? FIRST.length : rank;
}

/** The columns of rows: what most of them have and can be shown on a line, known names first. */
function columnsOf(rows: readonly Value[]): string[] {
  const seen = new Map<string, { has: number; plain: number }>();
  for (const row of rows.slice(0, LOOKED_AT)) {
    if (row.kind !== 'object') continue;
    for (const name of new Set(row.members.map(([one]) => one))) {
      const known = seen.get(name) ?? { has: 0, plain: 0 };
      const value = member(row, name);
      known.has += 1;
      known.plain += value && isPlain(value) ? 1 : 0;
      seen.set(name, known);
    }
  }
  const names = [...seen].filter(([, one]) => one.plain * 2 > one.has).map(([name]) => name);
  // Names of a rank stay in the order in which they came.
  const ordered = names.map((name, index) => ({ name, index, rank: rankOf(name) })).sort((a, b) => a.rank - b.rank || a.index - b.index);
  // With a title, an id only says the same once more, in signs that nobody reads: it comes last.
  const all = ordered.map((one) => one.name);
  const [first, ...others] = all;
  const isTitled = others.some((name) => FIRST.slice(2, 6).includes(name.toLowerCase()));
  const sorted = first !== undefined && ['id', 'key'].includes(first.toLowerCase()) && isTitled ? [...others, first] : all;
  if (sorted.length <= COLUMNS) return sorted;
  // Of too many, the names that are not known are left out first.
  const kept = new Set([...sorted].sort((a, b) => rankOf(a) - rankOf(b)).slice(0, COLUMNS));
  return sorted.filter((name) => kept.has(name));
}

function rowOf(name: string, value: Value, columns: readonly string[]): Row {
  if (value.kind !== 'object') return { name, cells: columns.map(() => undefined), rest: value };
  const shown = columns.map((column) => {
    const one = member(value, column);
    return one && isPlain(one) ? one : undefined;
  });
  const left = value.members.filter(([one, of]) => !shown.includes(of) || !columns.includes(one));
  return { name, cells: shown, rest: left.length > 0 ? { kind: 'object', members: left } : null };
}

/** A value as a table; null if it is no list of objects. */
export function tableOf(name: string, value: Value): Table | null {
  if (value.kind === 'array') {
    const isList = value.items.length > 0 && value.items.every((item) => item.kind === 'object' && item.members.length > 0);
    if (!isList) return null;
    const columns = columnsOf(value.items);
    return columns.length > 0 ? { name, named: false, columns, rows: value.items.map((item) => rowOf('', item, columns)) } : null;
  }
  if (value.kind !== 'object' || value.members.length < 2) return null;
  const items = value.members.map(([, one]) => one);
  if (!items.every((item) => item.kind === 'object' && item.members.length > 0)) return null;
  const columns = columnsOf(items);
  // Objects that have nothing in common are no rows of one table.
  const alike = columns.some((column) => items.slice(0, LOOKED_AT).filter((item) => member(item, column)).length > 1);
  if (!alike) return null;
  return { name, named: true, columns, rows: value.members.map(([one, item]) => rowOf(one, item, columns)) };
}

/** The shape of a value. */
export function shapeOf(value: Value): Shape {
  const shape: Shape = { facts: [], tables: [], rest: [] };
  const whole = tableOf('', value);
  if (whole) return { ...shape, tables: [whole] };
  if (value.kind !== 'object') return { ...shape, rest: [['', value]] };
  for (const [name, one] of value.members) {
    const table = tableOf(name, one);
    if (table) shape.tables.push(table);
    else if (isScalar(one) && one.kind !== 'deep' && !shape.facts.some(([other]) => other === name)) shape.facts.push([name, one]);
    else shape.rest.push([name, one]);
  }
  return shape;
}

// Which values become tables, facts and trees.
import { expect, test } from 'vitest';
import { readJson, writeJson } from './json';
import { isState, shapeOf, tableOf, timeOf } from './shape';

const columns = (source: string): string | undefined => tableOf('', readJson(source))?.columns.join(' ');

test('an object with a list of objects has a table, and facts beside it', () => {
  const source = '{"version":3,"items":[{"id":"a","status":"open","title":"Buy milk","rev":2},{"id":"b","status":"done","title":"Rest","rev":1}],"tags":["x"],"note":""}';
  const shape = shapeOf(readJson(source));
  expect(shape.facts.map(([name]) => name)).toEqual(['version', 'note']);
  expect(shape.rest.map(([name]) => name)).toEqual(['tags']);
  expect(shape.tables).toHaveLength(1);
  expect(shape.tables[0]?.columns).toEqual(['title', 'status', 'rev', 'id']);
  expect(shape.tables[0]?.rows.map((row) => row.cells.map((cell) => cell && writeJson(cell, '')).join(' '))).toEqual([
    '"Buy milk" "open" 2 "a"',
    '"Rest" "done" 1 "b"',
  ]);
});

test('known members come first, and of too many the unknown are left out', () => {
  const many = Array.from({ length: 12 }, (_, index) => `"m${index}":${index}`).join(',');
  expect(columns(`[{${many},"assignee":"x","title":"y"}]`)).toBe('title assignee m0 m1 m2 m3 m4');
  expect(columns('[{"id":1,"weight":2}]')).toBe('id weight');
});

test('what no column shows stays with its row', () => {
  const table = tableOf('', readJson('[{"a":1,"deep":{"b":[2]}},{"a":{"c":3}},{"a":4,"a":5}]'));
  expect(table?.columns).toEqual(['a']);
  expect(table?.rows.map((row) => row.rest && writeJson(row.rest, ''))).toEqual(['{"deep":{"b":[2]}}', '{"a":{"c":3}}', '{"a":4}']);
});

test('an object of like objects is a table with names', () => {
  const table = tableOf('', readJson('{"x":{"state":"on"},"y":{"state":"off"}}'));
  expect(table?.named).toBe(true);
  expect(table?.rows.map((row) => row.name)).toEqual(['x', 'y']);
  expect(tableOf('', readJson('{"x":{"a":1},"y":{"b":1}}'))).toBeNull();
  expect(tableOf('', readJson('{"x":{"a":1}}'))).toBeNull();
});

test('everything else is a tree or a fact', () => {
  for (const source of ['[]', '[1,{"a":1}]', '{}', '1', '[{}]', '[[{"a":1}]]']) expect(tableOf('', readJson(source)), source).toBeNull();
  expect(shapeOf(readJson('[1,2]')).rest).toHaveLength(1);
  expect(shapeOf(readJson('"x"')).rest).toHaveLength(1);
  expect(shapeOf(readJson('{}'))).toEqual({ facts: [], tables: [], rest: [] });
});

test('times are known by their names and their size', () => {
  const number = (text: string) => ({ kind: 'number' as const, text });
  expect(timeOf('updated_at', number('1760000000000'))).toBe(1_760_000_000_000);
  expect(timeOf('updatedAt', number('1760000000000'))).toBe(1_760_000_000_000);
  expect(timeOf('at', number('1760000000000'))).toBe(1_760_000_000_000);
  expect(timeOf('amount', number('1760000000000'))).toBeNull();
  expect(timeOf('at', number('12'))).toBeNull();
  expect(timeOf('at', number('9007199254740993'))).toBeNull();
  expect(timeOf('at', { kind: 'string', text: '1760000000000' })).toBeNull();
  expect(isState('Status') && !isState('title')).toBe(true);
});

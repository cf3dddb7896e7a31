// Forms of tools: fields of a schema, and arguments of what was entered.
import { expect, test } from 'vitest';
import type { Json } from '../../api/types';
import { argumentsOf, fieldsOf, initialEntries, WHOLE } from './tool-form';

const schema: Json = {
  type: 'object',
  properties: {
    note: { type: 'string', maxLength: 5 },
    volume: { type: 'integer', minimum: 0, maximum: 100, description: 'How loud' },
    speed: { type: ['number', 'null'], default: 1.5 },
    on: { type: 'boolean' },
    colour: { enum: ['red', 7, null], default: 7 },
    points: { type: 'array', items: { type: 'number' } },
  },
  required: ['volume', 'on'],
};

const call = (entries: Record<string, string>, of: Json = schema) => {
  const fields = fieldsOf(of);
  return argumentsOf(fields, new Map([...initialEntries(fields), ...Object.entries(entries)]));
};

test('a schema becomes fields, what is required first', () => {
  const fields = fieldsOf(schema);
  expect(fields.map((one) => `${one.name} ${one.kind}`)).toEqual([
    'volume integer',
    'on boolean',
    'note text',
    'speed number',
    'colour choice',
    'points json',
  ]);
  expect(fields[0]).toMatchObject({ required: true, least: 0, most: 100, description: 'How loud' });
  expect(initialEntries(fields).get('speed')).toBe('1.5');
  expect(initialEntries(fields).get('colour')).toBe('1');
});

test('what is entered becomes arguments of its type, what is blank is left out', () => {
  expect(call({ volume: ' 30 ', on: 'false', speed: '', colour: '', points: '[1, 2]' }).arguments).toEqual({
    volume: 30,
    on: false,
    points: [1, 2],
  });
  expect(call({ volume: '0', on: 'true', note: '你好' }).arguments).toEqual({
    volume: 0,
    on: true,
    note: '你好',
    speed: 1.5,
    colour: 7,
  });
});

test('what does not fit is said of its field', () => {
  const problems = (entries: Record<string, string>) => Object.fromEntries(call(entries).problems);
  expect(problems({})).toEqual({ volume: 'required', on: 'required' });
  const rest = { on: 'true' };
  expect(problems({ ...rest, volume: '101' })).toEqual({ volume: 'most' });
  expect(problems({ ...rest, volume: '-1' })).toEqual({ volume: 'least' });
  for (const wrong of ['1.5', 'loud', '1e', 'Infinity']) expect(problems({ ...rest, volume: wrong })).toEqual({ volume: 'integer' });
  expect(problems({ ...rest, volume: '1', speed: 'x' })).toEqual({ speed: 'number' });
  expect(problems({ ...rest, volume: '1', points: '[1,' })).toEqual({ points: 'json' });
  expect(problems({ ...rest, volume: '1', note: 'too long' })).toEqual({ note: 'long' });
  expect(call({}).arguments).toBeNull();
});

test('a tool without arguments has no fields, one that cannot be shown has one for all', () => {
  for (const none of [{}, { type: 'object' }, { type: 'object', properties: {} }, null, 'x', []] as Json[]) {
    expect(fieldsOf(none)).toEqual([]);
    expect(argumentsOf([], new Map()).arguments).toEqual({});
  }
  const any: Json = { oneOf: [{ type: 'object' }] };
  expect(fieldsOf(any).map((one) => one.name)).toEqual([WHOLE]);
  expect(call({ [WHOLE]: '{"a": 1}' }, any).arguments).toEqual({ a: 1 });
  expect(Object.fromEntries(call({ [WHOLE]: '[1]' }, any).problems)).toEqual({ [WHOLE]: 'object' });
  const many: Json = { properties: Object.fromEntries(Array.from({ length: 99 }, (_, at) => [`a${at}`, {}])) };
  expect(fieldsOf(many)).toHaveLength(1);
});

test('a name of a device is only ever a name', () => {
  const strange = JSON.parse('{"properties": {"__proto__": {"type": "string"}, "constructor": {}}}') as Json;
  const { arguments: made } = argumentsOf(fieldsOf(strange), new Map([['__proto__', 'x'], ['constructor', '1']]));
  expect(JSON.stringify(made)).toBe('{"__proto__":"x","constructor":1}');
  expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
});

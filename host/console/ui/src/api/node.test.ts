// Which node is asked, and what there is to choose from.
import { expect, test } from 'vitest';
import { choicesOf, namesOf, toNode } from './node';
import type { NodeRow } from './types';

test('what is one node’s own is asked of the chosen one', () => {
  expect(toNode('/api/v1/logs', 'b')).toBe('/api/v1/logs?node=b');
  expect(toNode('/api/v1/logs?after=7&search=a%26b', 'b')).toBe('/api/v1/logs?after=7&search=a%26b&node=b');
  for (const own of ['audit', 'config', 'config/file/check', 'storage/compact', 'providers/voice/say', 'history']) {
    expect(toNode(`/api/v1/${own}`, 'b')).toBe(`/api/v1/${own}?node=b`);
  }
  expect(toNode('/api/v1/storage', 'a&b')).toBe('/api/v1/storage?node=a%26b');
});

test('all else is not asked of a single node, and without a choice nothing is', () => {
  for (const other of ['sessions', 'plugins', 'feed', 'status', 'nodes', 'devices/logs/watch', 'configuration']) {
    expect(toNode(`/api/v1/${other}`, 'b')).toBe(`/api/v1/${other}`);
  }
  expect(toNode('/xiaozhi/ota/', 'b')).toBe('/xiaozhi/ota/');
  expect(toNode('/api/v1/logs?after=7', null)).toBe('/api/v1/logs?after=7');
});

test('a header names nodes', () => {
  expect(namesOf('b, c')).toEqual(['b', 'c']);
  expect(namesOf('b')).toEqual(['b']);
  for (const nothing of [null, '', ' , ']) expect(namesOf(nothing)).toEqual([]);
});

const row = (node: string | null, more: Partial<NodeRow> = {}): NodeRow => ({
  node,
  id: node,
  stage: 'serving',
  asked: false,
  gone_since: null,
  own: null,
  ...more,
});

test('those that live are to choose from, the one that was asked by no name', () => {
  const rows = [row('a', { asked: true }), row('b'), row('c', { stage: 'gone', gone_since: 1 })];
  expect(choicesOf(rows, null)).toEqual([{ name: 'a', node: null }, { name: 'b', node: 'b' }]);
  expect(choicesOf([row(null, { asked: true })], null)).toEqual([]);
  expect(choicesOf([], null)).toEqual([]);
});

test('what is chosen stays, also when it is gone', () => {
  const rows = [row('a', { asked: true }), row('b', { stage: 'gone', gone_since: 1 })];
  expect(choicesOf(rows, 'b')).toEqual([{ name: 'a', node: null }, { name: 'b', node: 'b' }]);
  expect(choicesOf([], 'b')).toEqual([{ name: 'b', node: 'b' }]);
});

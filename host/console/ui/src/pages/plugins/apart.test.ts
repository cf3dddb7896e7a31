// Plugins that do not stand alike on all nodes.
import { expect, test } from 'vitest';
import type { Generation, GenerationState } from '../../api/types';
import { apartOf, nodesOf } from './apart';
import { grouped } from './index';

const row = (id: string, loaded: number, nodes: string[] | undefined, state: GenerationState = 'active'): Generation => ({
  id,
  version: '1.0.0',
  generation: loaded,
  sha8: String(loaded),
  file: `${id}.wasm`,
  state,
  loaded_at: loaded,
  calls: 0,
  faults: 0,
  sessions_gone_back: 0,
  modes: [],
  mode_offers: [],
  message_types: [],
  grants: [],
  ...(nodes ? { nodes } : {}),
});

test('nothing is said where the newest row is on all nodes', () => {
  const rows = [row('x', 2, ['b', 'a']), row('x', 1, ['a'], 'fallback')];
  expect(apartOf(rows, ['a', 'b'])).toEqual([]);
});

test('where it is not, each row says so that only some nodes have', () => {
  const [newer, older, both] = [row('x', 3, ['a']), row('x', 2, ['b']), row('x', 1, ['a', 'b'], 'fallback')];
  expect(apartOf([both, older, newer], ['a', 'b'])).toEqual([older, newer]);
});

test('a plugin that another node lacks is seen beside one that it has', () => {
  const list = [row('x', 1, ['a', 'b']), row('y', 2, ['a'])];
  expect(nodesOf(list)).toEqual(['a', 'b']);
  expect(grouped(list).map((group) => group.apart.length)).toEqual([0, 1]);
});

test('a server that is alone, or older, says nothing', () => {
  for (const nodes of [[], undefined]) {
    const list = [row('x', 1, nodes), row('x', 2, nodes)];
    expect(nodesOf(list)).toEqual([]);
    expect(apartOf(list, [])).toEqual([]);
  }
});

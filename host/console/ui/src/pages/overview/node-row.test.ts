// What is shown of a node, and what is offered for it.
import { expect, test } from 'vitest';
import type { NodeRow, NodeStage } from '../../api/types';
import { isCluster, shownOf } from './node-row';

const own = { version: '1.2.3', uptime_s: 60, ready: true, not_ready: [], connected: 2, sessions: 3, applied: 9 };
const row = (stage: NodeStage, more: Partial<NodeRow> = {}): NodeRow => ({
  node: 'b',
  id: 'b@1',
  stage,
  asked: false,
  gone_since: null,
  own,
  ...more,
});

test('a server that is alone is no cluster', () => {
  expect(isCluster(null)).toBe(false);
  expect(isCluster([])).toBe(false);
  expect(isCluster([row('serving', { node: null, id: null, asked: true })])).toBe(false);
  expect(isCluster([row('serving')])).toBe(true);
});

test('a node that serves can be handed over, one that hands over can take devices again', () => {
  expect(shownOf(row('serving'))).toEqual({
    key: 'b@1', name: 'b', look: 'badge good', left: null, sentences: [], order: 'handOver',
  });
  const draining = row('draining', { own: { ...own, ready: false, not_ready: ['its sessions are handed over'] } });
  expect(shownOf(draining)).toEqual({
    key: 'b@1', name: 'b', look: 'badge accent', left: 3, sentences: ['its sessions are handed over'], order: 'takeAgain',
  });
  expect(shownOf(row('drained'))).toMatchObject({ look: 'badge', left: null, order: 'takeAgain' });
});

test('nothing is offered for a node that would not answer', () => {
  for (const stage of ['silent', 'gone'] as const) {
    expect(shownOf(row(stage, { own: null }))).toMatchObject({ left: null, sentences: [], order: null });
  }
});

test('a stage of a newer server is shown, and nothing is offered for it', () => {
  for (const stage of ['resting', 'constructor']) {
    expect(shownOf(row(stage as NodeStage))).toMatchObject({ look: 'badge', order: null });
  }
});

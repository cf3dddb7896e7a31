// The node that the reader has chosen for the pages which are one node's own. Rule: kept for as long as this page lives,
// and no longer; other pages ask the node that they came from.
import { effect, signal } from '@preact/signals';
import { asked } from '../api/node';
import type { Route } from './route';
import { route } from './router';

/** The chosen node; null: the one that this page came from. */
export const chosen = signal<string | null>(null);

const ONE: readonly Route['page'][] = ['metrics', 'logs', 'providers', 'configuration', 'storage'];

/** Whether a page shows what is one node's own. */
export function isOfOneNode(now: Route): boolean {
  return ONE.includes(now.page);
}

// Before the page is drawn, so that its first call goes there.
effect(() => {
  asked.value = isOfOneNode(route.value) ? chosen.value : null;
});

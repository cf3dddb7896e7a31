// The route that is shown. Rule: the address is the only place where it is kept; going elsewhere is a link, never a
// script, so that every page can be opened in a tab of its own.
import { signal } from '@preact/signals';
import { type Route, parseRoute } from './route';

/** The route of the address now. */
export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

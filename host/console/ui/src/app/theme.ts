// Light or dark. Rule: the reader's system decides until the reader does; the choice is kept in localStorage, and the
// page works where that is not allowed.
import { effect, signal } from '@preact/signals';
import { recall, remember } from './memory';

export type Theme = 'system' | 'light' | 'dark';

export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

const known = recall('theme');

/** What the reader has chosen. */
export const theme = signal<Theme>(THEMES.find((one) => one === known) ?? 'system');

effect(() => {
  const chosen = theme.value;
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
  remember('theme', chosen === 'system' ? null : chosen);
});

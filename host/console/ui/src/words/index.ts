// The language of the page and its words. Rule: every text that a reader sees comes from here by key; both languages
// have the same keys, which the compiler checks.
import { computed, effect, signal } from '@preact/signals';
import { recall, remember } from '../app/memory';
import { en } from './en';
import { zh } from './zh';

export type Language = 'en' | 'zh';
export type Words = typeof en;

const tables: Record<Language, Words> = { en, zh };

/** The language of a browser: Chinese if it comes before English. */
export function languageOf(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const main = tag.toLowerCase().split('-')[0];
    if (main === 'zh') return 'zh';
    if (main === 'en') return 'en';
  }
  return 'en';
}

const known = recall('language');

/** The language that is shown. */
export const language = signal<Language>(
  known === 'en' || known === 'zh' ? known : languageOf(globalThis.navigator?.languages ?? []),
);

/** The words of that language. */
export const words = computed<Words>(() => tables[language.value]);

/** Chooses a language, and keeps the choice. */
export function choose(next: Language): void {
  language.value = next;
  remember('language', next);
}

effect(() => {
  if (typeof document !== 'undefined') document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
});

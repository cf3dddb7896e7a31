// What is kept beyond this page. Rule: language and theme, nothing else, and never the token; without localStorage
// everything still works.
export type Kept = 'language' | 'theme';

const name = (key: Kept): string => `modehost.${key}`;

/** What was kept; null if nothing was, or nothing can be. */
export function recall(key: Kept): string | null {
  try {
    return localStorage.getItem(name(key));
  } catch {
    return null;
  }
}

/** Keeps a value; null forgets it. */
export function remember(key: Kept, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name(key));
    else localStorage.setItem(name(key), value);
  } catch {
    // The choice holds for this page.
  }
}

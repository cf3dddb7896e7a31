// The text of the configuration's file while it is being changed. Rule: in the memory of this page only, so that one may
// look at other pages meanwhile; leaving the console with it asks first.
import { effect, signal } from '@preact/signals';

/** A text of the file, with the version that stands for it. */
export interface Base {
  text: string;
  version: string;
}

export interface Draft {
  /** What the text was made from. */
  base: Base;
  text: string;
}

/** The changed text; null while there is none. */
export const draft = signal<Draft | null>(null);

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

effect(() => {
  if (typeof addEventListener !== 'function') return;
  if (draft.value) addEventListener('beforeunload', ask);
  else removeEventListener('beforeunload', ask);
});

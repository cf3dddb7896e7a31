// The text of the configuration's file while it is being changed. Rule: in the memory of this page only, so that one may
// look at other pages meanwhile; each node of a cluster has a file of its own; leaving the console with a text asks first.
import { effect, signal } from '@preact/signals';
import { asked } from '../api/node';

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

const drafts = signal<Readonly<Record<string, Draft | null>>>({});

/** The changed text of the node that is asked; null while there is none. */
export const draft = {
  get value(): Draft | null {
    return drafts.value[asked.value ?? ''] ?? null;
  },
  set value(next: Draft | null) {
    drafts.value = { ...drafts.peek(), [asked.peek() ?? '']: next };
  },
};

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

effect(() => {
  if (typeof addEventListener !== 'function') return;
  if (Object.values(drafts.value).some(Boolean)) addEventListener('beforeunload', ask);
  else removeEventListener('beforeunload', ask);
});

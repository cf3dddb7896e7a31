// The list of documents as data: pages put together, and groups of keys. Rule: pure; in the order of the server, which
// is that of the bytes of the keys; bounded.
export interface Document {
  key: string;
  version: number;
  bytes: number;
}

export interface DocumentPage {
  documents: Document[];
  next: string | null;
}

/** Documents that are kept; beyond, a search says which. */
export const DOCUMENTS_KEPT = 500;

/** Whether a key comes before another one, by bytes of UTF-8, which is by code points. */
export function isBefore(a: string, b: string): boolean {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [one, two] = [left.next(), right.next()];
    if (two.done) return false;
    if (one.done) return true;
    const difference = (one.value.codePointAt(0) ?? 0) - (two.value.codePointAt(0) ?? 0);
    if (difference !== 0) return difference < 0;
  }
}

/** A list with the page behind it. */
export function extended(before: DocumentPage, page: DocumentPage): DocumentPage {
  const documents = [...before.documents, ...page.documents];
  return { documents: documents.slice(0, DOCUMENTS_KEPT), next: page.next };
}

/** A list whose first page was asked for again: what lies behind that page stays as it was. */
export function refreshed(before: DocumentPage | null, first: DocumentPage): DocumentPage {
  const last = first.documents.at(-1);
  if (!before || first.next === null || !last) return first;
  const behind = before.documents.filter((one) => isBefore(last.key, one.key));
  if (behind.length === 0) return first;
  return { documents: [...first.documents, ...behind].slice(0, DOCUMENTS_KEPT), next: before.next };
}

export interface Group {
  /** What stands before the first `/` or `:`, with it; empty for keys without one. */
  name: string;
  documents: Document[];
}

function groupOf(key: string): string {
  const end = key.search(/[/:]/);
  return end > 0 ? key.slice(0, end + 1) : '';
}

/** Documents by groups, if that helps: several groups, and one of them with several documents. */
export function groups(documents: readonly Document[]): Group[] {
  const all = new Map<string, Document[]>();
  for (const one of documents) {
    const name = groupOf(one.key);
    const list = all.get(name);
    if (list) list.push(one);
    else all.set(name, [one]);
  }
  const found = [...all].map(([name, list]) => ({ name, documents: list }));
  const helps = found.length > 1 && found.some((group) => group.name !== '' && group.documents.length > 1);
  return helps ? found : [{ name: '', documents: [...documents] }];
}

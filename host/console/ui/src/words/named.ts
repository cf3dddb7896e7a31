// Words for names that come from a server. Rule: only what a table itself has counts, so that no name of a built-in
// member is taken for a word; a name that is not known is shown as it is.

/** The word for a name; undefined if there is none. */
export function named(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

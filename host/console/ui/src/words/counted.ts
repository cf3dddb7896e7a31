// A count with its noun, in English. Rule: the number decides the noun, the text that is shown for it stands as it is.
export function counted(n: number, one: string, many: string, shown: string): string {
  return `${shown} ${n === 1 ? one : many}`;
}

// Saving a file. Rule: the bytes come from this page, so that no address carries a token; a name is made of letters,
// digits and dashes, whatever it was.

/** A name that every system takes for a file. */
export function fileName(name: string, ending: string): string {
  const plain = name.normalize('NFC').replace(/[^\p{L}\p{N}_-]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${[...plain].slice(0, 80).join('') || 'file'}.${ending}`;
}

/** Saves bytes as a file. */
export function save(bytes: Blob, name: string, ending: string): void {
  const address = URL.createObjectURL(bytes);
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = fileName(name, ending);
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

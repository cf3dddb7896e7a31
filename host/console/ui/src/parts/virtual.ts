// Which rows of a long list are drawn. Rule: pure; rows have one height, and a row goes into the slot of its number
// modulo the slots, so that scrolling moves and refills slots and creates none.
export interface Window {
  first: number;
  /** One behind the last. */
  end: number;
}

/** Rows drawn beyond each edge. */
export const OVERSCAN = 6;

/** The rows to draw for a place of scrolling. */
export function windowOf(scrollTop: number, viewHeight: number, rowHeight: number, rows: number): Window {
  const slots = slotsFor(viewHeight, rowHeight);
  const top = Math.floor(Math.max(0, scrollTop) / rowHeight) - OVERSCAN;
  const first = Math.max(0, Math.min(top, rows - slots));
  return { first, end: Math.min(rows, first + slots) };
}

/** How many slots fill a view, with what lies beyond its edges. */
export function slotsFor(viewHeight: number, rowHeight: number): number {
  return Math.ceil(viewHeight / rowHeight) + 1 + 2 * OVERSCAN;
}

/** The rows of a window by slot: the row that each slot shows, or -1. */
export function rowsBySlot({ first, end }: Window, slots: number): number[] {
  const shown = new Array<number>(slots).fill(-1);
  for (let row = first; row < end; row += 1) shown[row % slots] = row;
  return shown;
}

// A table of very many rows of one height. Rule: as many row elements as fit into view, recycled while one scrolls; a
// row that has the focus gives it to the list before it shows another one.
import { Component, type ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { rowsBySlot, slotsFor, windowOf } from './virtual';

export interface VirtualListProps {
  label: string;
  /** Headings of the columns. */
  head: readonly string[];
  rows: number;
  rowHeight: number;
  /** The cells of a row; another function draws all rows anew. */
  cells: (row: number) => readonly ComponentChildren[];
  /** Called while one scrolls. */
  scrolling?: () => void;
}

interface RowProps {
  slot: number;
  /** The row that the slot shows; -1 for none. */
  row: number;
  height: number;
  cells: VirtualListProps['cells'];
}

/** A row: drawn anew only when its slot shows another one, or the list has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.row !== this.props.row || next.cells !== this.props.cells || next.height !== this.props.height;
  }

  override render({ slot, row, height, cells }: RowProps) {
    return (
      <div
        class="virtual-row"
        role="row"
        data-slot={slot}
        hidden={row < 0}
        aria-rowindex={row + 2}
        style={{ transform: `translateY(${Math.max(0, row) * height}px)` }}
      >
        {row >= 0 &&
          cells(row).map((cell, column) => (
            <span key={column} role="cell">
              {cell}
            </span>
          ))}
      </div>
    );
  }
}

export function VirtualList(props: VirtualListProps) {
  const { rows, rowHeight } = props;
  const view = useRef<HTMLDivElement>(null);
  const scrolling = useRef(props.scrolling);
  scrolling.current = props.scrolling;
  const [place, setPlace] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = view.current;
    if (!element) return undefined;
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      // Rounded to rows: between two rows there is nothing to draw anew.
      const top = Math.floor(element.scrollTop / rowHeight) * rowHeight;
      const height = element.clientHeight;
      setPlace((old) => (old.top === top && old.height === height ? old : { top, height }));
    };
    const later = (): void => {
      frame ||= requestAnimationFrame(measure);
    };
    const scrolled = (): void => {
      scrolling.current?.();
      later();
    };
    measure();
    element.addEventListener('scroll', scrolled, { passive: true });
    const sizes = new ResizeObserver(later);
    sizes.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('scroll', scrolled);
      sizes.disconnect();
    };
  }, [rowHeight]);

  const slots = slotsFor(place.height, rowHeight);
  const shown = rowsBySlot(windowOf(place.top, place.height, rowHeight, rows), slots);
  const before = useRef<number[]>([]);
  useLayoutEffect(() => {
    const active = document.activeElement;
    const row = active instanceof HTMLElement ? active.closest<HTMLElement>('[data-slot]') : null;
    const slot = row && view.current?.contains(row) ? Number(row.dataset['slot']) : -1;
    if (slot >= 0 && before.current[slot] !== shown[slot]) view.current?.focus({ preventScroll: true });
    before.current = shown;
  });
  return (
    <div class="virtual" role="table" aria-label={props.label} aria-rowcount={rows + 1}>
      <div class="virtual-head" role="rowgroup">
        <div class="virtual-row" role="row" aria-rowindex={1}>
          {props.head.map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
      </div>
      <div class="virtual-view" role="rowgroup" tabIndex={0} ref={view}>
        <div class="virtual-space" role="presentation" style={{ height: `${rows * rowHeight}px` }}>
          {shown.map((row, slot) => (
            <Row key={slot} slot={slot} row={row} height={rowHeight} cells={props.cells} />
          ))}
        </div>
      </div>
    </div>
  );
}

// Markdown as elements. Rule: only elements that this file names, and no address to go to; headings begin below those of
// the page and leave out no level; a long text is drawn in pieces.
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { words } from '../../words';
import { count } from '../../words/format';
import type { Span } from './inline';
import { LINES_SHOWN, markdown, type Block, type Item } from './markdown';

/** Lines that are drawn at first, and with each further step. */
const LINES_FIRST = 400;
const LINES_MORE = 1_000;
/** The level of the heading that the text stands below. */
const LEVEL = 2;

function Spans({ spans }: { spans: readonly Span[] }) {
  return <>{spans.map((span, index) => drawSpan(span, index))}</>;
}

function drawSpan(span: Span, key: number): ComponentChildren {
  switch (span.kind) {
    case 'text':
      return span.text;
    case 'code':
      return <code key={key}>{span.text}</code>;
    case 'strong':
      return (
        <strong key={key}>
          <Spans spans={span.spans} />
        </strong>
      );
    case 'emphasis':
      return (
        <em key={key}>
          <Spans spans={span.spans} />
        </em>
      );
    case 'deleted':
      return (
        <del key={key}>
          <Spans spans={span.spans} />
        </del>
      );
    case 'link':
      return (
        <span key={key}>
          <Spans spans={span.spans} />
          {span.address !== '' && <span class="muted"> ({span.address})</span>}
        </span>
      );
  }
}

const HEADINGS = ['h3', 'h4', 'h5', 'h6'] as const;

/** The levels of the headings of a text, one after the other: never two steps down at once. */
export function levels(blocks: readonly Block[]): number[] {
  let last = LEVEL;
  return blocks.flatMap((block) => {
    if (block.kind !== 'heading') return [];
    last = Math.min(block.level + LEVEL, last + 1, 6);
    return [last];
  });
}

function ListItem({ item, path }: { item: Item; path: string }) {
  const w = words.value.archive;
  const first = item.blocks[0];
  const rest = item.blocks.slice(1);
  return (
    <li class={item.ticked === null ? undefined : 'box'}>
      {item.ticked !== null && (
        <span class={item.ticked ? 'tick-mark on' : 'tick-mark'} role="img" aria-label={item.ticked ? w.ticked : w.unticked} />
      )}
      {first?.kind === 'paragraph' ? <Spans spans={first.spans} /> : first && <Blocks blocks={[first]} path={`${path}a`} />}
      {rest.length > 0 && <Blocks blocks={rest} path={`${path}b`} />}
    </li>
  );
}

function Table({ block, path }: { block: Extract<Block, { kind: 'table' }>; path: string }) {
  const w = words.value.archive;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={w.table(path)}>
      <table>
        <thead>
          <tr>
            {block.head.map((cell, index) =>
              // A heading without words names nothing.
              cell.length > 0 ? (
                <th key={index} scope="col">
                  <Spans spans={cell} />
                </th>
              ) : (
                <td key={index} />
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {block.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>
                  <Spans spans={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function drawBlock(block: Block, level: number, path: string): ComponentChildren {
  switch (block.kind) {
    case 'heading': {
      const Heading = HEADINGS[level - LEVEL - 1] ?? 'h6';
      // A heading without words is none.
      if (block.spans.length === 0) return null;
      return (
        <Heading key={path}>
          <Spans spans={block.spans} />
        </Heading>
      );
    }
    case 'paragraph':
      return (
        <p key={path}>
          <Spans spans={block.spans} />
        </p>
      );
    case 'code':
      return (
        <pre key={path} tabIndex={0} role="group" aria-label={words.value.archive.code(path)}>
          <code>{block.text}</code>
        </pre>
      );
    case 'rule':
      return <hr key={path} />;
    case 'quote':
      return (
        <blockquote key={path}>
          <Blocks blocks={block.blocks} path={path} />
        </blockquote>
      );
    case 'list': {
      const items = block.items.map((item, index) => <ListItem key={index} item={item} path={`${path}.${index + 1}`} />);
      return block.ordered ? (
        <ol key={path} start={block.start}>
          {items}
        </ol>
      ) : (
        <ul key={path}>{items}</ul>
      );
    }
    case 'table':
      return <Table key={path} block={block} path={path} />;
  }
}

function Blocks({ blocks, path = '' }: { blocks: readonly Block[]; path?: string }) {
  // Only headings of the text itself are headings of the page; others are bold lines of what they stand in.
  const isTop = path === '';
  const at = levels(blocks);
  let heading = 0;
  return (
    <>
      {blocks.map((block, index) => {
        const place = isTop ? String(index + 1) : `${path}.${index + 1}`;
        if (block.kind !== 'heading') return drawBlock(block, 0, place);
        const level = at[heading] ?? LEVEL + 1;
        heading += 1;
        if (isTop) return drawBlock(block, level, place);
        return (
          <p key={place}>
            <strong>
              <Spans spans={block.spans} />
            </strong>
          </p>
        );
      })}
    </>
  );
}

/** A text in Markdown. */
export function Written({ text }: { text: string }) {
  const w = words.value.archive;
  const [most, setMost] = useState(LINES_FIRST);
  const own = useRef<HTMLDivElement>(null);
  const { blocks, left } = useMemo(() => markdown(text, most), [text, most]);
  const may = Math.min(left, LINES_SHOWN - most, LINES_MORE);
  const more = (): void => {
    // The button goes away with the last step: the focus stays in the text.
    if (left <= may || most + may >= LINES_SHOWN) own.current?.focus({ preventScroll: true });
    setMost(most + LINES_MORE);
  };
  return (
    <div class="stack">
      <div class="written" ref={own} tabIndex={-1}>
        <Blocks blocks={blocks} />
      </div>
      {may > 0 && (
        <div class="buttons">
          <button type="button" class="button quiet" onClick={more}>
            {w.moreLines(count(may), count(left))}
          </button>
        </div>
      )}
      {may <= 0 && left > 0 && <p class="note">{w.linesLeft(count(left))}</p>}
    </div>
  );
}

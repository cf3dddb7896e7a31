// A value for readers: facts, tables and trees, and its JSON to copy. Rule: nothing is known of who wrote it; what a
// table leaves out can be unfolded in its row, and the JSON has everything.
import { useRef, useState } from 'preact/hooks';
import { Copyable, Facts, Panel } from '../../parts/basics';
import { words } from '../../words';
import { count, list, moment } from '../../words/format';
import { isScalar, writeJson, type Scalar, type Value } from './json';
import { save } from './save';
import { isState, shapeOf, timeOf, type Row, type Table } from './shape';
import { LongText, Tree } from './tree';

const ROWS_SHOWN = 100;
const CELL_SHOWN = 300;
// A longer one is saved as a file: as one text it would keep the page busy for seconds.
const JSON_SHOWN = 200_000;

function time(at: number) {
  return <time dateTime={new Date(at).toISOString()}>{moment(at)}</time>;
}

/** A single value in words: yes and no, dates, a dash where there is nothing. */
function Plain({ name, value }: { name: string; value: Scalar }) {
  const { yes, no } = words.value.app;
  const at = timeOf(name, value);
  if (at !== null) return time(at);
  if (value.kind === 'string') {
    if (value.text === '') return <span class="muted">–</span>;
    if (isState(name) && value.text.length <= 24) return <span class="badge">{value.text}</span>;
    return <LongText text={value.text} most={CELL_SHOWN} />;
  }
  if (value.kind !== 'word') return <>{value.text}</>;
  if (value.text === 'null') return <span class="muted">–</span>;
  return <>{value.text === 'true' ? yes : no}</>;
}

function textOfItem(value: Value): string {
  if (value.kind === 'string') return value.text;
  return isScalar(value) ? value.text : '';
}

function Cell({ name, value }: { name: string; value: Value | undefined }) {
  if (!value) return <span class="muted">–</span>;
  if (isScalar(value)) return <Plain name={name} value={value} />;
  const items = value.kind === 'array' ? value.items : [];
  if (items.length === 0) return <span class="muted">–</span>;
  return <LongText text={list(items.map(textOfItem))} most={CELL_SHOWN} />;
}

function Rest({ row, label }: { row: Row; label: string }) {
  const w = words.value.records;
  const [open, setOpen] = useState(false);
  if (!row.rest) return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary aria-label={`${w.furtherOf}: ${label}`}>{w.further}</summary>
      {open && <Tree value={row.rest} level={1} />}
    </details>
  );
}

function Rows({ table, label }: { table: Table; label: string }) {
  const w = words.value.records;
  const [shown, setShown] = useState(ROWS_SHOWN);
  const { columns, rows } = table;
  const hasRest = rows.some((row) => row.rest !== null);
  const left = rows.length - shown;
  const place = useRef<HTMLDivElement>(null);
  const more = (): void => {
    if (left <= ROWS_SHOWN) place.current?.focus({ preventScroll: true });
    setShown(shown + ROWS_SHOWN);
  };
  return (
    <>
      <div class="scroll-x" ref={place} tabIndex={0} role="group" aria-label={label}>
        <table class="records">
          <thead>
            <tr>
              {table.named && <th scope="col">{w.name}</th>}
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
              {hasRest && <th scope="col">{w.further}</th>}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row, index) => (
              <tr key={index}>
                {table.named && <th scope="row">{row.name}</th>}
                {columns.map((column, at) => {
                  const cell = <Cell name={column} value={row.cells[at]} />;
                  return !table.named && at === 0 ? (
                    <th key={column} scope="row">
                      {cell}
                    </th>
                  ) : (
                    <td key={column}>{cell}</td>
                  );
                })}
                {hasRest && (
                  <td>
                    <Rest row={row} label={row.name || count(index + 1)} />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <div class="buttons">
          <button type="button" class="button quiet" onClick={more}>
            {w.moreItems(count(Math.min(left, ROWS_SHOWN)), count(left))}
          </button>
        </div>
      )}
    </>
  );
}

/** The JSON of a value, folded; drawn when it is opened. */
function Source({ value, file }: { value: Value; file: string }) {
  const w = words.value.records;
  const [open, setOpen] = useState(false);
  const text = open ? writeJson(value) : '';
  const isLong = text.length > JSON_SHOWN;
  return (
    <details class="panel source" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{w.json}</summary>
      {open && !isLong && <Copyable text={text} block label={w.json} />}
      {open && isLong && (
        <div class="stack tight">
          <p class="small muted">{w.jsonLong}</p>
          <div class="buttons">
            <button
              type="button"
              class="button quiet"
              onClick={() => save(new Blob([text], { type: 'application/json' }), file, 'json')}
            >
              {w.saveJson}
            </button>
          </div>
        </div>
      )}
    </details>
  );
}

/** A value, with panels for its parts. `file`: what a file of it is called. */
export function ValueView({ value, file }: { value: Value; file: string }) {
  const w = words.value.records;
  const { facts, tables, rest } = shapeOf(value);
  const only = rest.length === 1 && rest[0]?.[0] === '' ? rest[0][1] : null;
  return (
    <>
      {facts.length > 0 && (
        <Panel title={w.facts}>
          <Facts facts={facts.slice(0, ROWS_SHOWN).map(([name, one]) => [name, <Plain name={name} value={one} />] as const)} />
          {facts.length > ROWS_SHOWN && <p class="small muted">{w.factsLeft(count(facts.length - ROWS_SHOWN))}</p>}
        </Panel>
      )}
      {tables.map((table, index) => (
        <Panel
          key={index}
          title={table.name || w.content}
          aside={<span class="small muted">{w.entries(table.rows.length, count(table.rows.length))}</span>}
        >
          <Rows table={table} label={table.name || w.content} />
        </Panel>
      ))}
      {rest.length > 0 && (
        <Panel title={facts.length + tables.length > 0 ? w.furtherContent : w.content}>
          <Tree value={only ?? { kind: 'object', members: rest }} />
        </Panel>
      )}
      {facts.length + tables.length + rest.length === 0 && <p class="muted">{w.nothing}</p>}
      <Source value={value} file={file} />
    </>
  );
}

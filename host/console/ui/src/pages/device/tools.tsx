// The tools of a device, and calls of them. Rule: asked for once for each connection, since the device itself must
// answer; who may only look sees what there is and calls nothing.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { path } from '../../api/client';
import { usePolled } from '../../api/poll';
import { NO_ROUTE } from '../../api/stream';
import type { Json, SessionDetail } from '../../api/types';
import { FailureNote, Panel } from '../../parts/basics';
import { words } from '../../words';
import { clock, count, ms } from '../../words/format';
import { type Called, ToolCallForm } from './tool-call';

interface OfferedTool {
  name: string;
  description?: string;
  input_schema?: Json;
}

/** Tools that are shown at once. */
const SHOWN = 50;
/** Calls whose answers are kept. */
const RESULTS_KEPT = 5;

interface ToolProps {
  device: string;
  tool: OfferedTool;
  may: boolean;
  open: boolean;
  toggle: () => void;
  called: (result: Omit<Called, 'key'>) => void;
}

function ToolRow({ device, tool, may, open, toggle, called }: ToolProps) {
  const w = words.value.deviceTools;
  const form = useId();
  return (
    <li class="stack tight tool">
      <div class="tool-head">
        <div>
          <code>{tool.name}</code>
          {tool.description && <p class="small muted">{tool.description}</p>}
        </div>
        {may && (
          <button
            type="button"
            class="button quiet"
            aria-expanded={open}
            aria-controls={open ? form : undefined}
            aria-label={open ? `${w.close}: ${tool.name}` : w.callOf(tool.name)}
            onClick={toggle}
          >
            {open ? w.close : w.call}
          </button>
        )}
      </div>
      {open && may && (
        <div id={form}>
          <ToolCallForm device={device} name={tool.name} schema={tool.input_schema ?? {}} called={called} />
        </div>
      )}
    </li>
  );
}

function Results({ results }: { results: readonly Called[] }) {
  const w = words.value.deviceTools;
  const [newest] = results;
  return (
    <>
      <p class="visually-hidden" role="status">
        {newest ? `${newest.name}: ${newest.is_error ? w.failed : w.done}` : ''}
      </p>
      {newest && (
        <div class="stack">
          <h3>{w.results}</h3>
          <ul class="stack tool-results">
            {results.map((one) => (
              <li key={one.key} class="stack tight">
                <p class="small">
                  <span class={one.is_error ? 'badge danger' : 'badge good'}>{one.is_error ? w.failed : w.done}</span>{' '}
                  <code>{one.name}</code>{' '}
                  <span class="muted number">
                    {clock(one.at)} · {ms(one.tookMs)}
                  </span>
                </p>
                {one.arguments !== '{}' && (
                  <p class="small muted">
                    {w.argumentsShort} <code>{one.arguments.length > 300 ? `${one.arguments.slice(0, 299)}…` : one.arguments}</code>
                  </p>
                )}
                {one.text ? (
                  <pre tabIndex={0} role="group" aria-label={`${w.result}: ${one.name}`} class={one.is_error ? 'bad' : ''} dir="auto">
                    {one.text}
                  </pre>
                ) : (
                  <p class="small muted">{w.empty}</p>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Offered({ device, tools, may }: { device: string; tools: readonly OfferedTool[]; may: boolean }) {
  const w = words.value.deviceTools;
  const [open, setOpen] = useState<string | null>(null);
  const [shown, setShown] = useState(SHOWN);
  const [results, setResults] = useState<readonly Called[]>([]);
  const key = useRef(0);
  const called = (result: Omit<Called, 'key'>): void => {
    key.current += 1;
    const one = { ...result, key: key.current };
    setResults((before) => [one, ...before].slice(0, RESULTS_KEPT));
  };
  const left = tools.length - shown;
  return (
    <>
      {tools.length === 0 ? (
        <p class="muted">{words.value.device.noTools}</p>
      ) : (
        <ul class="tools">
          {tools.slice(0, shown).map((tool) => (
            <ToolRow
              key={tool.name}
              device={device}
              tool={tool}
              may={may}
              open={open === tool.name}
              toggle={() => setOpen(open === tool.name ? null : tool.name)}
              called={called}
            />
          ))}
        </ul>
      )}
      {left > 0 && (
        <div class="buttons">
          <button type="button" class="button quiet" onClick={() => setShown(shown + SHOWN)}>
            {w.more(Math.min(left, SHOWN), count(Math.min(left, SHOWN)))}
          </button>
        </div>
      )}
      <Results results={results} />
    </>
  );
}

export function ToolsPanel({ detail, may }: { detail: SessionDetail; may: boolean }) {
  const { device: d, deviceTools: w } = words.value;
  const { device, connected } = detail;
  // A device that has come back, or has said hello meanwhile, may have others.
  const connection = connected ? `${detail.connection?.number ?? 0} ${String(detail.features?.mcp ?? false)}` : '';
  return (
    <Panel title={d.tools} class="device-tools">
      {connection === '' ? <p class="muted">{w.away}</p> : <Listed key={connection} device={device} detail={detail} may={may} />}
    </Panel>
  );
}

function Listed({ device, detail, may }: { device: string; detail: SessionDetail; may: boolean }) {
  const w = words.value.deviceTools;
  const polled = usePolled<{ tools: OfferedTool[] }>(path('devices', device, 'tools'), 0);
  const { failure } = polled;
  // Of an older server: names at most, and no calls.
  const isOlder = failure?.status === 404 && failure.sentence === NO_ROUTE;
  const known: readonly OfferedTool[] | undefined = isOlder
    ? detail.tools?.map((tool) => (typeof tool === 'string' ? { name: tool } : tool))
    : polled.value?.tools;
  const list = useRef<HTMLDivElement>(null);
  const [hasAsked, setAsked] = useState(false);
  useEffect(() => {
    if (hasAsked && known && !failure) list.current?.focus({ preventScroll: true });
  }, [hasAsked, known === undefined, failure]);
  return (
    <>
      {!known && !failure && <p class="muted">{words.value.app.loading}</p>}
      <FailureNote failure={isOlder && detail.tools ? null : failure} />
      {failure && !isOlder && (
        <div class="buttons">
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              setAsked(true);
              polled.again();
            }}
          >
            {w.again}
          </button>
        </div>
      )}
      {known && (
        <div class="stack" tabIndex={-1} ref={list}>
          {may && known.length > 0 && <p class="small muted">{w.text}</p>}
          <Offered device={device} tools={known} may={may && !isOlder} />
        </div>
      )}
    </>
  );
}

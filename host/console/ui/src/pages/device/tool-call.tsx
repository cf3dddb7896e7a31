// One call of a tool: its form, and what the device answers. Rule: what is wrong is said at its field, which gets the
// focus; the device does it only when its button is pressed.
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, path, send } from '../../api/client';
import type { Json } from '../../api/types';
import { FailureNote } from '../../parts/basics';
import { words } from '../../words';
import { ToolField } from './tool-fields';
import { argumentsOf, fieldsOf, initialEntries, type Problem } from './tool-form';

export interface ToolResult {
  text: string;
  is_error: boolean;
}

export interface Called extends ToolResult {
  key: number;
  at: number;
  tookMs: number;
  name: string;
  arguments: string;
}

export interface CallProps {
  device: string;
  name: string;
  schema: Json;
  called: (result: Omit<Called, 'key'>) => void;
}

export function ToolCallForm(props: CallProps) {
  const w = words.value.deviceTools;
  const form = useRef<HTMLFormElement>(null);
  const own = useRef<AbortController | null>(null);
  const id = useId();
  const fields = useMemo(() => fieldsOf(props.schema), [props.schema]);
  const [entries, setEntries] = useState(() => initialEntries(fields));
  const [problems, setProblems] = useState<ReadonlyMap<string, Problem>>(new Map());
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  useEffect(() => () => own.current?.abort(), []);
  useEffect(() => {
    if (problems.size > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problems]);
  const change = (name: string, value: string): void => {
    setEntries((before) => new Map(before).set(name, value));
  };
  const call = async (): Promise<void> => {
    const made = argumentsOf(fields, entries);
    setProblems(made.problems);
    setFailure(null);
    if (!made.arguments) return;
    const asked = new AbortController();
    own.current = asked;
    setBusy(true);
    const at = Date.now();
    try {
      const json = { name: props.name, arguments: made.arguments };
      const response = await send(path('devices', props.device, 'tools', 'call'), { method: 'POST', json, signal: asked.signal });
      const result = (await response.json()) as ToolResult;
      props.called({ ...result, at, tookMs: Date.now() - at, name: props.name, arguments: JSON.stringify(made.arguments) });
    } catch (error) {
      if (!asked.signal.aborted) setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      own.current = null;
      setBusy(false);
    }
  };
  return (
    <form
      ref={form}
      class="stack tool-form"
      aria-label={w.callOf(props.name)}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!own.current) void call();
      }}
    >
      {fields.length === 0 && <p class="small muted">{w.noArguments}</p>}
      {fields.map((field, at) => (
        <ToolField
          key={field.name}
          field={field}
          id={`${id}-${at}`}
          value={entries.get(field.name) ?? ''}
          problem={problems.get(field.name)}
          change={(value) => change(field.name, value)}
        />
      ))}
      <div class="buttons">
        <button type="submit" class="button" aria-disabled={busy}>
          {w.send}
        </button>
      </div>
      <p class="small muted" role="status">
        {busy ? w.busy : ''}
      </p>
      <FailureNote failure={failure} />
    </form>
  );
}

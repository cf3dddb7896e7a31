// The fields of a tool's form. Rule: a label, what the device says of it, and what is wrong with it, all tied to the
// field; nothing of the device is markup.
import { words } from '../../words';
import { count } from '../../words/format';
import { type Field, type Problem, WHOLE } from './tool-form';

/** A number of a schema, as it is; large or broken ones are not rounded. */
function plain(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? count(value) : String(value);
}

/** What may be entered, in words. */
function hintOf(field: Field): string {
  const w = words.value.deviceTools;
  if (field.kind === 'json') return w.json;
  if (field.kind !== 'number' && field.kind !== 'integer') return '';
  const { least, most } = field;
  if (least !== null && most !== null) return w.range(plain(least), plain(most));
  if (least !== null) return w.least(plain(least));
  return most !== null ? w.most(plain(most)) : '';
}

export interface FieldProps {
  field: Field;
  id: string;
  value: string;
  problem: Problem | undefined;
  change: (value: string) => void;
}

function Control({ field, id, value, problem, change }: FieldProps) {
  const w = words.value.deviceTools;
  const { yes, no } = words.value.app;
  const shared = {
    id,
    value,
    'aria-required': field.required,
    'aria-invalid': problem !== undefined,
    'aria-describedby': `${id}-about ${id}-problem`,
  };
  if (field.kind === 'boolean' || field.kind === 'choice') {
    const choices =
      field.kind === 'boolean'
        ? [['true', yes] as const, ['false', no] as const]
        : field.choices.map((one, at) => [String(at), typeof one === 'string' ? one : JSON.stringify(one)] as const);
    return (
      <select {...shared} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">{w.unset}</option>
        {choices.map(([entered, shown]) => (
          <option key={entered} value={entered}>
            {shown}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === 'json') {
    return (
      <textarea {...shared} rows={3} spellcheck={false} autoComplete="off" onInput={(event) => change(event.currentTarget.value)} />
    );
  }
  return (
    <input
      {...shared}
      type="text"
      inputMode={field.kind === 'text' ? 'text' : field.kind === 'integer' && (field.least ?? -1) >= 0 ? 'numeric' : 'text'}
      autoComplete="off"
      spellcheck={false}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}

export function ToolField(props: FieldProps) {
  const { field, id, problem } = props;
  const w = words.value.deviceTools;
  const about = [field.description, hintOf(field)].filter(Boolean).join(' · ');
  return (
    <div class="field">
      <label for={id}>
        {field.name === WHOLE ? w.arguments : <code>{field.name}</code>}{' '}
        <span>({field.required ? w.required : w.optional})</span>
      </label>
      <Control {...props} />
      <p id={`${id}-about`} class="muted about">
        {about}
      </p>
      <p id={`${id}-problem`} class="bad">
        {problem ? w.problems[problem] : ''}
      </p>
    </div>
  );
}

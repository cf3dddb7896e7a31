// Installing a plugin from a file. Rule: the server looks at it first and nothing changes before the reader has seen what
// it is; what is installed are the bytes that were looked at.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, path, send } from '../../api/client';
import { hrefOf } from '../../app/route';
import { Copyable, Facts, FailureNote, Own, Panel } from '../../parts/basics';
import { words } from '../../words';
import { named } from '../../words/named';
import { bytes, list } from '../../words/format';
import { base64, type Checked, chosen, type Choice, grantsYaml, MOST_BYTES } from './upload';

/** What is sent: once for the check, once for the installation. */
interface Parcel {
  body: Blob;
  headers: Record<string, string>;
}

type State =
  | { step: 'choose' }
  | { step: 'unfit'; why: string }
  | { step: 'checking' }
  | { step: 'refused'; failure: ApiError; parcel: Parcel }
  | { step: 'checked'; checked: Checked; parcel: Parcel; failure: ApiError | null }
  | { step: 'sending'; checked: Checked; parcel: Parcel }
  | { step: 'installed'; checked: Checked };

/** Why files cannot be taken, as a sentence. */
function whyText(choice: Exclude<Choice<File>, { plugin: File }>): string {
  const w = words.value.upload;
  switch (choice.why) {
    case 'noWasm':
    case 'several':
      return w[choice.why];
    case 'foreign':
    case 'empty':
      return w[choice.why](choice.name);
    case 'tooLarge':
      return w.tooLarge(choice.name, bytes(choice.size), bytes(choice.limit));
  }
}

/** The bytes as they are now: what changes on the disk afterwards does not matter. */
async function packed(plugin: File, signature: File | null): Promise<Parcel> {
  const body = new Blob([await plugin.arrayBuffer()], { type: 'application/wasm' });
  const text = signature && base64(new Uint8Array(await signature.arrayBuffer()));
  return { body, headers: text === null ? {} : { 'modehost-signature': text } };
}

function useUpload(changed: () => void) {
  const [state, setState] = useState<State>({ step: 'choose' });
  // Of two checks the later counts; nothing is said once the page is left.
  const round = useRef(0);
  useEffect(() => () => void (round.current += 1), []);

  const check = async (parcel: Parcel, mine: number): Promise<void> => {
    setState({ step: 'checking' });
    try {
      const answer = await send(path('plugins', 'check'), { method: 'POST', bytes: parcel.body, headers: parcel.headers });
      const checked = (await answer.json()) as Checked;
      if (mine === round.current) setState({ step: 'checked', checked, parcel, failure: null });
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError(0, '');
      if (mine === round.current) setState({ step: 'refused', failure, parcel });
    }
  };
  return {
    state,
    choose: async (files: readonly File[]): Promise<void> => {
      const mine = (round.current += 1);
      const choice = chosen(files);
      if ('why' in choice) return setState({ step: 'unfit', why: whyText(choice) });
      const parcel = await packed(choice.plugin, choice.signature).catch(() => null);
      if (mine !== round.current) return undefined;
      if (!parcel) return setState({ step: 'unfit', why: words.value.upload.unread(choice.plugin.name) });
      return check(parcel, mine);
    },
    again: (parcel: Parcel): void => void check(parcel, (round.current += 1)),
    leave: (): void => {
      round.current += 1;
      setState({ step: 'choose' });
    },
    install: async (checked: Checked, parcel: Parcel): Promise<void> => {
      const mine = (round.current += 1);
      setState({ step: 'sending', checked, parcel });
      try {
        await send(path('plugins', checked.id), { method: 'PUT', bytes: parcel.body, headers: parcel.headers });
        changed();
        if (mine === round.current) setState({ step: 'installed', checked });
      } catch (error) {
        const failure = error instanceof ApiError ? error : new ApiError(0, '');
        if (mine === round.current) setState({ step: 'checked', checked, parcel, failure });
      }
    },
  };
}

function Codes({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <>{words.value.app.none}</>;
  return (
    <span class="chips">
      {names.map((name) => (
        <code key={name}>{name}</code>
      ))}
    </span>
  );
}

/** What the server has found in the file. */
function Found({ checked }: { checked: Checked }) {
  const w = words.value.upload;
  const { id, version, replaces, missing_grants, note } = checked;
  const comes = replaces === null ? w.isNew : replaces === version ? w.again(version) : w.replaces(replaces);
  const signature = checked.signature === null ? w.unasked : (named(w.signatures, checked.signature) ?? checked.signature);
  return (
    <>
      <h3>{w.result(id, version)}</h3>
      <p>{comes}</p>
      <Facts
        facts={[
          [w.modes, checked.modes.length > 0 ? list(checked.modes) : words.value.app.none],
          [w.grants, <Codes names={checked.grants} />],
          [w.contract, checked.contract],
          [w.size, bytes(checked.bytes)],
          [w.sha256, <code>{checked.sha256}</code>],
          [w.signature, signature],
          [w.file, <code>{checked.file}</code>],
          note ? [w.note, <Own>{note}</Own>] : null,
        ]}
      />
      {missing_grants.length > 0 && (
        <div class="note warn stack">
          <Facts facts={[[w.missing, <Codes names={missing_grants} />]]} />
          <p>{w.missingText(id)}</p>
          <Copyable block label={w.grantsLabel} text={grantsYaml(id, checked.grants)} />
          <p>
            <a href={hrefOf({ page: 'configuration', search: '' })}>{w.editFile}</a>
          </p>
        </div>
      )}
    </>
  );
}

function Chooser({ choose, disabled }: { choose: (files: File[]) => void; disabled: boolean }) {
  const w = words.value.upload;
  const [over, setOver] = useState(false);
  const drag = (event: DragEvent): void => {
    event.preventDefault();
    setOver(!disabled);
  };
  return (
    <div
      class={over ? 'drop over' : 'drop'}
      onDragEnter={drag}
      onDragOver={drag}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (!disabled) choose([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <div class="field">
        <label for="plugin-files">{w.choose}</label>
        <input
          id="plugin-files"
          type="file"
          multiple
          accept=".wasm,.minisig"
          disabled={disabled}
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])];
            // The same file can be chosen again after it was changed.
            event.currentTarget.value = '';
            if (files.length > 0) choose(files);
          }}
        />
      </div>
      <p class="small muted drop-hint">{w.drop}</p>
    </div>
  );
}

/** The panel by which a plugin is installed. */
export function Upload({ changed }: { changed: () => void }) {
  const w = words.value.upload;
  const { state, choose, again, leave, install } = useUpload(changed);
  const result = useRef<HTMLDivElement>(null);
  const { step } = state;
  useEffect(() => {
    // What has become of it comes next for those who cannot see it appear.
    if (step === 'checked' || step === 'installed') result.current?.focus();
  }, [step]);
  return (
    <Panel title={w.title} class="upload">
      <p class="small muted">{w.text(bytes(MOST_BYTES))}</p>
      <Chooser choose={(files) => void choose(files)} disabled={step === 'checking' || step === 'sending'} />
      <p class="small" role="status">
        {step === 'checking' ? w.checking : step === 'sending' ? w.sending : ''}
      </p>
      <p class={step === 'unfit' ? 'note danger' : ''} role="alert">
        {step === 'unfit' ? state.why : ''}
      </p>
      {step === 'refused' && (
        <div class="stack">
          <h3>{w.refused}</h3>
          <FailureNote failure={state.failure} />
          <div class="buttons">
            <button type="button" class="button quiet" onClick={() => again(state.parcel)}>
              {w.look}
            </button>
          </div>
        </div>
      )}
      {(step === 'checked' || step === 'sending') && (
        <div class="stack result" ref={result} tabIndex={-1}>
          <Found checked={state.checked} />
          {step === 'checked' && <FailureNote failure={state.failure} />}
          <div class="buttons">
            <button
              type="button"
              class="button"
              disabled={step === 'sending' || state.checked.missing_grants.length > 0}
              aria-label={w.installLabel(state.checked.id, state.checked.version)}
              onClick={() => void install(state.checked, state.parcel)}
            >
              {w.install}
            </button>
            {state.checked.missing_grants.length > 0 && (
              <button type="button" class="button quiet" onClick={() => again(state.parcel)}>
                {w.look}
              </button>
            )}
            <button type="button" class="button quiet" disabled={step === 'sending'} onClick={leave}>
              {w.leave}
            </button>
          </div>
        </div>
      )}
      {step === 'installed' && (
        <div class="note good stack tight" ref={result} tabIndex={-1}>
          <p>{w.installed(state.checked.id, state.checked.version)}</p>
          <p>
            <a href={hrefOf({ page: 'plugin', id: state.checked.id })}>{w.toPlugin(state.checked.id)}</a>
          </p>
        </div>
      )}
    </Panel>
  );
}

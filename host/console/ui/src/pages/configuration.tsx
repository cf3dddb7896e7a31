// The settings in force, a check of YAML, a reload of the file, and the way to its editor. Rule: the server alone judges a
// configuration, and its findings are shown as it wrote them; the editor is fetched when it is opened.
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError, path, post, send } from '../api/client';
import { usePolled } from '../api/poll';
import { useRole } from '../api/role';
import type { Configuration, Reloaded } from '../api/types';
import { FailureNote, PageHead } from '../parts/basics';
import { words } from '../words';
import { count, list, sentences } from '../words/format';
import { draft } from './draft';
import type { EditorProps } from './editor';
import { bySection, matchingSettings, valueText } from './settings';

function Check() {
  const w = words.value.configuration;
  const [yaml, setYaml] = useState('');
  const [busy, setBusy] = useState(false);
  const [valid, setValid] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const check = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setValid(false);
    setFailure(null);
    try {
      await send(path('config', 'check'), { method: 'POST', yaml });
      setValid(true);
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      setBusy(false);
    }
  };
  return (
    <details class="panel">
      <summary>{w.checkTitle}</summary>
      <form class="stack" onSubmit={(event) => void check(event)}>
        <div class="field">
          <label for="yaml">{w.checkText}</label>
          <textarea
            id="yaml"
            spellcheck={false}
            autoComplete="off"
            value={yaml}
            onInput={(event) => {
              setYaml(event.currentTarget.value);
              setValid(false);
              setFailure(null);
            }}
          />
        </div>
        <div class="buttons">
          <button type="submit" class="button" disabled={busy || yaml.trim() === ''}>
            {w.check}
          </button>
        </div>
        <p class={valid ? 'note good' : ''} role="status">
          {valid ? w.valid : ''}
        </p>
        <FailureNote failure={failure} />
      </form>
    </details>
  );
}

function Reload({ changed }: { changed: () => void }) {
  const w = words.value.configuration;
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState('');
  const [failure, setFailure] = useState<ApiError | null>(null);
  const reload = async (): Promise<void> => {
    setBusy(true);
    setSaid('');
    setFailure(null);
    try {
      const answer = await post<Reloaded>(path('config', 'reload'));
      const restart = answer.needs_restart.length > 0 ? w.restart(list(answer.needs_restart)) : '';
      setSaid(sentences(answer.changed ? w.reloaded : w.unchanged, restart));
      changed();
    } catch (error) {
      setFailure(error instanceof ApiError ? error : new ApiError(0, ''));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="stack tight">
      <div class="buttons">
        <button type="button" class="button quiet" disabled={busy} onClick={() => void reload()}>
          {w.reload}
        </button>
      </div>
      <p class="small muted">{w.reloadText}</p>
      <p class="small" role="status">
        {said}
      </p>
      <FailureNote failure={failure} />
    </div>
  );
}

function Settings({ configuration, begin }: { configuration: Configuration; begin: string }) {
  const w = words.value.configuration;
  const [search, setSearch] = useState(begin);
  const [changedOnly, setChangedOnly] = useState(false);
  useEffect(() => setSearch(begin), [begin]);
  const shown = useMemo(
    () => matchingSettings(configuration.settings, search, changedOnly),
    [configuration, search, changedOnly],
  );
  const sections = useMemo(() => bySection(shown), [shown]);
  return (
    <div class="stack">
      <search class="filters">
        <div class="field narrow">
          <label for="setting-search">{w.search}</label>
          <input
            id="setting-search"
            type="search"
            autoComplete="off"
            spellcheck={false}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </div>
        <label class="tick">
          <input
            type="checkbox"
            checked={changedOnly}
            onChange={(event) => setChangedOnly(event.currentTarget.checked)}
          />
          {w.changedOnly}
        </label>
        <span class="small muted" role="status">
          {shown.length > 0 ? w.shown(shown.length, count(shown.length)) : w.noMatch}
        </span>
      </search>
      {sections.map(({ name, settings }) => (
        <section key={name} class="panel" aria-label={name}>
          <h2>
            <code>{name}</code>
          </h2>
          <table class="settings">
            <thead>
              <tr>
                <th scope="col">{w.setting}</th>
                <th scope="col">{w.value}</th>
                <th scope="col">{w.origin}</th>
              </tr>
            </thead>
            <tbody>
              {settings.map((one) => (
                <tr key={one.setting}>
                  <th scope="row">
                    <code>{one.setting}</code>
                  </th>
                  <td>
                    {one.value === null ? <span class="muted">{w.unset}</span> : <code>{valueText(one.value)}</code>}
                    {one.waits_for_restart && <span class="badge warn">{w.waits}</span>}
                  </td>
                  <td class={one.origin === 'default' ? 'muted' : ''}>
                    {one.origin === 'default' ? w.byDefault : <code>{one.origin}</code>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}

/** The editor, once it is fetched. */
function FetchedEditor(props: EditorProps) {
  const w = words.value;
  const [Loaded, setLoaded] = useState<{ Editor: ComponentType<EditorProps> } | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  useEffect(() => {
    import('./editor').then(setLoaded, () => setFailure(new ApiError(0, '')));
  }, []);
  if (Loaded) return <Loaded.Editor {...props} />;
  return (
    <section class="panel" aria-label={w.editor.title} aria-busy={!failure}>
      <h2>{w.editor.title}</h2>
      {!failure && <p class="muted">{w.app.loading}</p>}
      <FailureNote failure={failure} />
      <div class="buttons">
        <button type="button" class="button quiet" onClick={props.close}>
          {w.editor.back}
        </button>
      </div>
    </section>
  );
}

/** The way to the editor. */
function Open({ open }: { open: () => void }) {
  const w = words.value.editor;
  const isKept = draft.value !== null;
  return (
    <div class="stack tight">
      {isKept && <p class="note warn">{w.kept}</p>}
      <div class="buttons">
        <button type="button" class="button" onClick={open}>
          {isKept ? w.goOn : w.edit}
        </button>
      </div>
    </div>
  );
}

export function ConfigurationPage({ search }: { search: string }) {
  const w = words.value.configuration;
  const role = useRole();
  const configuration = usePolled<Configuration>(path('config'), 0);
  const known = configuration.value;
  // The file is for operators: a viewer has the list.
  const mayOpen = role === 'operator' && known?.file != null;
  // A link to a setting means the list; else one comes back to what was being written.
  const [editing, setEditing] = useState(search === '' && draft.value !== null);
  const isOpen = editing && mayOpen;
  return (
    <>
      <PageHead
        title={w.title}
        lead={known ? (known.file ? w.lead(known.file) : w.leadNone) : words.value.app.loading}
      />
      <FailureNote failure={configuration.failure} />
      {isOpen && <FetchedEditor close={() => setEditing(false)} applied={configuration.again} />}
      {!isOpen && (
        <>
          {mayOpen && <Open open={() => setEditing(true)} />}
          {role === 'operator' && known?.file && <Reload changed={configuration.again} />}
          {role === 'operator' && <Check />}
          {known && <Settings configuration={known} begin={search} />}
        </>
      )}
    </>
  );
}

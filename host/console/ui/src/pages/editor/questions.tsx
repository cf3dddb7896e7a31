// Questions of the editor: before a text is applied, and before changes are dropped. Rule: what is about to change stands
// in the question by name, and what waits for a restart is marked in words.
import { Ask } from '../../parts/dialog';
import { count } from '../../words/format';
import type { Checked } from './types';
import { words } from './words';

/** Settings that are listed by name. */
const LISTED = 100;

export function ApplyQuestion(props: { checked: Checked; act: () => Promise<void>; closed: (done: boolean) => void }) {
  const w = words.value;
  const { changed, needs_restart } = props.checked;
  return (
    <Ask title={w.applyTitle} text={w.applyText} action={w.apply} act={props.act} closed={props.closed}>
      {changed.length === 0 ? (
        <p>{w.applySame}</p>
      ) : (
        <div class="stack tight">
          <h3>{w.changed}</h3>
          <div class="changes" tabIndex={0} role="group" aria-label={w.changed}>
            <ul>
              {changed.slice(0, LISTED).map((name) => (
                <li key={name}>
                  <code>{name}</code>
                  {needs_restart.includes(name) && <span class="badge warn">{w.afterRestart}</span>}
                </li>
              ))}
            </ul>
          </div>
          {changed.length > LISTED && <p class="small muted">{w.more(count(changed.length - LISTED))}</p>}
        </div>
      )}
    </Ask>
  );
}

export function DropQuestion(props: { theirs: boolean; act: () => void; closed: (done: boolean) => void }) {
  const w = words.value;
  return (
    <Ask
      title={props.theirs ? w.takeTitle : w.discardTitle}
      text={props.theirs ? w.takeText : w.discardText}
      action={props.theirs ? w.takeTheirs : w.discard}
      danger
      act={() => {
        props.act();
        return Promise.resolve();
      }}
      closed={props.closed}
    />
  );
}

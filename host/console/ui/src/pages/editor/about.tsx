// What the setting at the cursor is. Rule: the schema's own sentence, for eyes: it changes with every move of the cursor,
// so that nobody has it read out.
import { Own } from '../../parts/basics';
import { list } from '../../words/format';
import { named } from '../../words/named';
import type { About } from './offers';
import { words } from './words';

export function AboutSetting({ about }: { about: About | null }) {
  const w = words.value;
  return (
    <section class="about-setting small" aria-label={w.setting}>
      {about ? (
        <>
          <p>
            <code>{about.path}</code>{' '}
            <span class="muted">{list(about.types.map((type) => named(w.types, type) ?? type))}</span>
          </p>
          {about.description && (
            <p>
              <Own>{about.description}</Own>
            </p>
          )}
        </>
      ) : (
        <p class="muted">{w.noSetting}</p>
      )}
    </section>
  );
}

// The kinds of finished work as links. Rule: a link each, so that the address says which is shown; without any, a
// sentence says how the archive fills.
import { hrefOf } from '../../app/route';
import { words } from '../../words';
import { count } from '../../words/format';
import type { Kind } from './search';

/** What a newcomer reads. */
export function NoKinds() {
  const w = words.value.archive;
  return (
    <div class="panel">
      <h2>{w.none}</h2>
      <p>{w.noneText}</p>
    </div>
  );
}

/** The kinds; nothing to choose from is not shown, unless it cannot be opened. */
export function Kinds({ kinds, chosen, linked }: { kinds: readonly Kind[]; chosen: string; linked: boolean }) {
  const w = words.value.archive;
  return (
    <nav class="kinds" aria-label={w.kinds}>
      <ul>
        {kinds.map(({ kind, entries }) => {
          const label = (
            <>
              {kind}{' '}
              <span class="number" aria-hidden="true">
                {count(entries)}
              </span>
              <span class="visually-hidden">{w.pieces(entries, count(entries))}</span>
            </>
          );
          return (
            <li key={kind}>
              {linked ? (
                <a href={hrefOf({ page: 'archive', kind, id: '' })} aria-current={kind === chosen ? 'page' : undefined}>
                  {label}
                </a>
              ) : (
                <span>{label}</span>
              )}
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

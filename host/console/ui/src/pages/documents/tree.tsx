// A value of JSON as a tree that can be folded. Rule: what is folded is not drawn, a long list shows its beginning and a
// button for more, a long text likewise; everything is text.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { words } from '../../words';
import { count } from '../../words/format';
import { isScalar, type Member, type Scalar, type Value } from './json';

const ITEMS_SHOWN = 50;
const MORE_ITEMS = 200;
const TEXT_SHOWN = 2_000;
const MORE_TEXT = 50_000;
// What is opened by itself: levels, and how many members each of them may have.
const OPEN_LEVELS = 2;
const OPEN_MEMBERS = 12;

/** The beginning of a text, and a button for more of it. */
export function LongText({ text, most = TEXT_SHOWN }: { text: string; most?: number }) {
  const w = words.value.records;
  const [shown, setShown] = useState(most);
  const own = useRef<HTMLSpanElement>(null);
  if (text.length <= most) return <>{text}</>;
  if (text.length <= shown) {
    return (
      <span ref={own} tabIndex={-1}>
        {text}
      </span>
    );
  }
  // Not between the halves of a sign of two.
  const end = /[\ud800-\udbff]/.test(text[shown - 1] ?? '') ? shown - 1 : shown;
  const more = (): void => {
    // The button may go away: the focus stays in the text.
    own.current?.focus({ preventScroll: true });
    setShown(shown + MORE_TEXT);
  };
  return (
    <span ref={own} tabIndex={-1}>
      {text.slice(0, end)}…{' '}
      <button type="button" class="text-button" onClick={more}>
        {w.moreText(count(text.length - end))}
      </button>
    </span>
  );
}

/** A single value, as JSON writes it. */
function Leaf({ value }: { value: Scalar }) {
  if (value.kind === 'string') {
    return (
      <span class="json-string">
        “<LongText text={value.text} />”
      </span>
    );
  }
  return (
    <code class={`json-${value.kind}`}>
      <LongText text={value.text} />
    </code>
  );
}

const PREVIEW_MEMBERS = 3;
const PREVIEW_TEXT = 40;

/** What a folded value begins with: its first single values. */
export function previewOf(value: Exclude<Value, Scalar>): string {
  const parts: string[] = [];
  for (const [name, one] of membersOf(value).slice(0, PREVIEW_MEMBERS)) {
    if (!isScalar(one)) continue;
    const signs = [...one.text.slice(0, 2 * PREVIEW_TEXT + 2)];
    const text = signs.length > PREVIEW_TEXT ? `${signs.slice(0, PREVIEW_TEXT).join('')}…` : signs.join('');
    parts.push(value.kind === 'object' ? `${name}: ${text}` : text);
  }
  return parts.join(' · ');
}

function membersOf(value: Exclude<Value, Scalar>): Member[] {
  if (value.kind === 'object') return value.members;
  return value.items.map((item, index) => [String(index), item]);
}

function Branch({ name, value, level }: { name: ComponentChildren; value: Exclude<Value, Scalar>; level: number }) {
  const w = words.value.records;
  const members = membersOf(value);
  const [open, setOpen] = useState(level < OPEN_LEVELS && members.length <= OPEN_MEMBERS);
  const n = count(members.length);
  const size = value.kind === 'object' ? w.members(members.length, n) : w.items(members.length, n);
  if (members.length === 0) {
    return (
      <>
        {name} <span class="muted">{size}</span>
      </>
    );
  }
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name} <span class="muted">{size}</span>
        {!open && <span class="preview">{previewOf(value)}</span>}
      </summary>
      {/* Of many, none is opened by itself. */}
      {open && <Members members={members} level={members.length > OPEN_MEMBERS ? OPEN_LEVELS : level + 1} />}
    </details>
  );
}

function Members({ members, level }: { members: readonly Member[]; level: number }) {
  const w = words.value.records;
  const [shown, setShown] = useState(ITEMS_SHOWN);
  const own = useRef<HTMLUListElement>(null);
  const left = members.length - shown;
  const more = (): void => {
    if (left <= MORE_ITEMS) own.current?.focus({ preventScroll: true });
    setShown(shown + MORE_ITEMS);
  };
  return (
    <>
      <ul class="json" ref={own} tabIndex={-1}>
        {members.slice(0, shown).map(([name, value], index) => {
          const label = <span class="json-name">{name}</span>;
          return (
            <li key={index}>
              {isScalar(value) ? (
                <>
                  {label} <Leaf value={value} />
                </>
              ) : (
                <Branch name={label} value={value} level={level} />
              )}
            </li>
          );
        })}
      </ul>
      {left > 0 && (
        <button type="button" class="button quiet small-button" onClick={more}>
          {w.moreItems(count(Math.min(left, MORE_ITEMS)), count(left))}
        </button>
      )}
    </>
  );
}

/** A value as a tree. `level`: how deep it begins; deeper ones are folded at first. */
export function Tree({ value, level = 0 }: { value: Value; level?: number }) {
  const w = words.value.records;
  if (isScalar(value)) {
    return (
      <p class="json-leaf">
        <Leaf value={value} />
      </p>
    );
  }
  const members = membersOf(value);
  if (members.length === 0) return <p class="muted">{value.kind === 'object' ? w.members(0, '0') : w.items(0, '0')}</p>;
  return <Members members={members} level={level} />;
}

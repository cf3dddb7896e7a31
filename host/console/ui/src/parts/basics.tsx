// Small parts of many pages: failures, facts, copying. Rule: a failure is one sentence, the server's own where it has
// one; what is copied is shown exactly as it is copied.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/client';
import { NO_ROUTE } from '../api/stream';
import { words } from '../words';
import { list } from '../words/format';

interface Sentence {
  text: string;
  /** Whether it is the server's own, in English. */
  own: boolean;
  look: string;
}

/** The sentence of a failure. What an older server cannot do is none of anybody's making. */
function sentenceOf(failure: ApiError): Sentence {
  const w = words.value.app;
  if (failure.status === 0) return { text: w.unreachable, own: false, look: 'note warn' };
  if (failure.status === 404 && failure.sentence === NO_ROUTE) return { text: w.routeAbsent, own: false, look: 'note' };
  if (failure.sentence) return { text: failure.sentence, own: true, look: 'note danger' };
  return { text: w.failed(failure.status), own: false, look: 'note danger' };
}

/** Text that the server has written: English, whatever the language of the page; what it quotes in backticks is code. */
export function Own({ children }: { children: string }) {
  const parts = children.split('`');
  // An odd number of backticks quotes nothing.
  if (parts.length % 2 === 0) return <span lang="en">{children}</span>;
  return <span lang="en">{parts.map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</span>;
}

/** A failure as a note; nothing if there is none. */
export function FailureNote({ failure }: { failure: ApiError | null }) {
  if (!failure) return null;
  const { text, own, look } = sentenceOf(failure);
  return (
    <div class={look} role="status">
      {own ? <Own>{text}</Own> : text}
      {failure.problems.length > 0 && (
        <ul class="problems">
          {failure.problems.map((problem) => (
            <li key={problem}>
              <pre lang="en">{problem}</pre>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Says which nodes are missing in what is shown; nothing if none is. */
export function UnansweredNote({ names }: { names: readonly string[] }) {
  return (
    <div class={names.length > 0 ? 'note warn' : ''} role="status">
      {names.length > 0 ? words.value.nodes.unanswered(names.length, list(names)) : ''}
    </div>
  );
}

export type Fact = readonly [label: string, value: ComponentChildren];

/** Labels with their values. */
export function Facts({ facts }: { facts: readonly (Fact | null | undefined | false)[] }) {
  return (
    <dl class="facts">
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** A text to copy, with its button. */
export function Copyable({ text, block, label }: { text: string; block?: boolean; label: string }) {
  const w = words.value.app;
  const [copied, setCopied] = useState(false);
  const shown = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // No clipboard without https or localhost: select it, so that one key copies it.
      const range = document.createRange();
      if (!shown.current) return;
      range.selectNodeContents(shown.current);
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
    }
  };
  return (
    <div class="copyable">
      {block ? (
        <pre tabIndex={0} aria-label={label} role="group">
          <code ref={shown}>{text}</code>
        </pre>
      ) : (
        <code ref={shown}>{text}</code>
      )}
      <button type="button" class="button quiet" aria-label={`${w.copy}: ${label}`} onClick={() => void copy()}>
        {copied ? w.copied : w.copy}
      </button>
      <span class="visually-hidden" role="status">
        {copied ? w.copied : ''}
      </span>
    </div>
  );
}

/** The head of a page: its title, which takes the focus when the page is opened, and a sentence. */
export function PageHead(props: { title: string; lead?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <h1 tabIndex={-1}>{props.title}</h1>
      {props.lead !== undefined && <p class="lead">{props.lead}</p>}
      {props.children}
    </header>
  );
}

/** A panel with a heading. */
export function Panel(props: {
  title: string;
  aside?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={props.class ? `panel ${props.class}` : 'panel'} aria-label={props.title}>
      <div class="panel-head">
        <h2>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

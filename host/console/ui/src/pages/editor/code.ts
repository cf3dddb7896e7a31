// The text field for YAML: CodeMirror with completion by the schema, findings in place and differences. Rule: it knows
// nothing of the server; line breaks are `\n` in here, and what it shows of a schema or a finding is text.
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  completionKeymap,
  type CompletionResult,
  insertCompletionText,
  pickedCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { look } from './look';
import { type Offer, offersAt } from './offers';
import { type Problem, spanOf } from './problems';
import type { Schema } from './schema';

export interface CodeWords {
  label: string;
  putBack: string;
  byDefault: string;
  types: Readonly<Record<string, string>>;
  phrases: Readonly<Record<string, string>>;
}

export interface CodeEvents {
  changed: (text: string) => void;
  /** The cursor has moved, or the text below it has changed. */
  moved: (text: string, cursor: number) => void;
  /** The keys that mean "save". */
  save: () => void;
}

/** How long a cursor rests before anybody is told. */
const REST_MS = 120;

/** The type of completions that are keys. */
const KEY = 'property';

function inEnglish(text: string): Node {
  const node = document.createElement('span');
  node.lang = 'en';
  // What is quoted in backticks is code, as everywhere in the console; an odd number of them quotes nothing.
  const parts = text.split('`');
  if (parts.length % 2 === 0) parts.splice(0, parts.length, text);
  parts.forEach((part, index) => {
    const piece = document.createElement(index % 2 === 1 ? 'code' : 'span');
    piece.textContent = part;
    node.append(piece);
  });
  return node;
}

function completionOf(offer: Offer, words: CodeWords): Completion {
  const types = offer.types.map((type) => (Object.hasOwn(words.types, type) ? words.types[type] : type)).join(' / ');
  const detail = offer.byDefault ? words.byDefault : types;
  return {
    label: offer.label,
    type: offer.kind === 'key' ? KEY : 'enum',
    ...(detail ? { detail } : {}),
    ...(offer.description ? { info: () => inEnglish(offer.description) } : {}),
    // What is the default comes first among values, keys in the order of the alphabet.
    boost: offer.byDefault ? 1 : 0,
    apply: (view, completion, from, to) =>
      view.dispatch({
        ...insertCompletionText(view.state, offer.text, from, to),
        annotations: pickedCompletion.of(completion),
      }),
  };
}

/** One editor in a shadow root. */
export class Code {
  readonly view: EditorView;
  private readonly reading = new Compartment();
  private readonly comparing = new Compartment();
  private readonly naming = new Compartment();
  private schema: Schema | null = null;
  private locked = false;
  private against: string | null = null;
  private words: CodeWords;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    root: ShadowRoot,
    text: string,
    words: CodeWords,
    private readonly events: CodeEvents,
  ) {
    this.words = words;
    this.view = new EditorView({ parent: root, root, state: this.state(text) });
  }

  destroy(): void {
    clearTimeout(this.resting);
    this.view.destroy();
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  /** Another text, without the history of the one before: placeholders of secrets belong to a version. */
  begin(text: string): void {
    const { anchor } = this.view.state.selection.main;
    const top = this.view.scrollDOM.scrollTop;
    this.view.setState(this.state(text, anchor));
    this.view.scrollDOM.scrollTop = top;
    this.rest();
  }

  know(schema: Schema | null): void {
    this.schema = schema;
  }

  lock(locked: boolean): void {
    if (locked === this.locked) return;
    this.locked = locked;
    this.view.dispatch({ effects: [this.reading.reconfigure(this.lockedBy()), this.comparing.reconfigure(this.compared())] });
  }

  /** Shows the differences from another text; null: none. */
  compare(against: string | null): void {
    if (against === this.against) return;
    this.against = against;
    this.view.dispatch({ effects: this.comparing.reconfigure(this.compared()) });
  }

  name(words: CodeWords): void {
    this.words = words;
    this.view.dispatch({ effects: [this.naming.reconfigure(this.named()), this.comparing.reconfigure(this.compared())] });
  }

  /** Marks what the server has found. */
  mark(problems: readonly Problem[]): void {
    const { doc } = this.view.state;
    const marks = problems.flatMap(({ sentence, line, column }): Diagnostic[] => {
      if (line === null) return [];
      const at = doc.line(Math.min(line, doc.lines));
      const span = line > doc.lines ? { from: at.length, to: at.length } : spanOf(at.text, column);
      const [from, to] = [at.from + span.from, at.from + span.to];
      return [{ from, to, severity: 'error', message: sentence, renderMessage: () => inEnglish(sentence) }];
    });
    this.view.dispatch(setDiagnostics(this.view.state, marks));
  }

  /** Takes the cursor to a place, counted from 1. */
  goTo(line: number, column: number): void {
    const { doc } = this.view.state;
    const at = doc.line(Math.min(Math.max(1, line), doc.lines));
    const anchor = Math.min(at.from + column - 1, at.to);
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
    this.view.focus();
  }

  /** Tells where the cursor is, once it rests. */
  private rest(): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.events.moved(this.text, this.view.state.selection.main.head), REST_MS);
  }

  private state(text: string, anchor = 0): EditorState {
    const save = (): boolean => {
      this.events.save();
      return true;
    };
    return EditorState.create({
      doc: text,
      selection: { anchor: Math.min(anchor, text.length) },
      extensions: [
        lineNumbers(),
        lintGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        indentUnit.of('  '),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        EditorView.lineWrapping,
        EditorState.tabSize.of(2),
        search({ top: true }),
        autocompletion({
          override: [(context) => this.complete(context)],
          // After a key its values are offered; after a value nothing is.
          activateOnCompletion: (completion) => completion.type === KEY,
          icons: false,
        }),
        yaml(),
        look,
        // Tab stays the key that leaves the field.
        keymap.of([
          { key: 'Mod-s', run: save, preventDefault: true },
          { key: 'Ctrl-s', run: save, preventDefault: true },
          ...completionKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...lintKeymap,
          ...defaultKeymap,
        ]),
        this.naming.of(this.named()),
        this.reading.of(this.lockedBy()),
        this.comparing.of(this.compared()),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.events.changed(update.state.doc.toString());
          if (update.docChanged || update.selectionSet) this.rest();
        }),
      ],
    });
  }

  private lockedBy(): Extension {
    // It stays focusable, so that keys move and select in it.
    return EditorState.readOnly.of(this.locked);
  }

  private named(): Extension {
    const { phrases, label } = this.words;
    return [EditorState.phrases.of(phrases), EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' })];
  }

  private compared(): Extension {
    if (this.against === null) return [];
    const button = (kind: 'accept' | 'reject', act: (event: MouseEvent) => void): HTMLElement => {
      const made = document.createElement(kind === 'reject' ? 'button' : 'span');
      if (made instanceof HTMLButtonElement) {
        made.type = 'button';
        made.textContent = this.words.putBack;
        // A click of the keyboard is one as well.
        made.onclick = act;
      }
      return made;
    };
    return unifiedMergeView({
      original: this.against,
      mergeControls: this.locked ? false : button,
      collapseUnchanged: { margin: 3, minSize: 8 },
      syntaxHighlightDeletions: false,
    });
  }

  private complete(context: CompletionContext): CompletionResult | null {
    if (!this.schema || this.locked) return null;
    const found = offersAt(this.schema, context.state.doc.toString(), context.pos);
    if (!found) return null;
    // On an empty line a list of all keys is shown when it is asked for only.
    if (!context.explicit && found.from === context.pos && found.offers[0]?.kind === 'key') return null;
    return {
      from: found.from,
      options: found.offers.map((offer) => completionOf(offer, this.words)),
      validFor: /^[\w.-]*$/,
    };
  }
}

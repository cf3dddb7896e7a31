// How the editor looks. Rule: colours are those of tokens.css; the rules stand in a sheet of the shadow root, since the
// server's policy refuses <style> elements.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const theme = EditorView.theme({
  '&': { height: '100%', background: 'var(--surface)', color: 'var(--ink)', fontSize: '0.875rem', borderRadius: 'inherit' },
  // The focus is shown around the whole field: see editor.css.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto', fontVariantLigatures: 'none' },
  '.cm-content': { caretColor: 'var(--accent)', padding: '0.5rem 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 28%, transparent)',
  },
  '.cm-activeLine': { background: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '.cm-gutters': { background: 'var(--sunken)', color: 'var(--muted)', border: '0', borderInlineEnd: '1px solid var(--line)' },
  '.cm-activeLineGutter': { background: 'var(--hover)', color: 'var(--ink)' },
  '.cm-gutter-lint': { width: '1.1rem' },
  '.cm-searchMatch': { background: 'var(--warn-soft)', outline: '1px solid var(--warn)' },
  '.cm-searchMatch.cm-searchMatch-selected': { background: 'var(--accent-soft)', outline: '2px solid var(--accent)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { background: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket': { background: 'var(--danger-soft)' },

  '.cm-panels': { background: 'var(--sunken)', color: 'var(--ink)', fontFamily: 'var(--sans)', zIndex: '2' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panels.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-panel.cm-search': { padding: '0.5rem 2.5rem 0.5rem 0.5rem' },
  '.cm-panel.cm-search label': { fontSize: '0.8125rem' },
  '.cm-textfield': {
    padding: '0.25rem 0.5rem',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
    background: 'var(--surface)',
    color: 'var(--ink)',
    font: 'inherit',
    fontSize: '0.8125rem',
  },
  '.cm-button, .cm-panel.cm-search [name=close], .cm-panel.cm-panel-lint [name=close]': {
    minHeight: '1.75rem',
    padding: '0.125rem 0.625rem',
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
    background: 'var(--surface)',
    color: 'var(--ink)',
    cursor: 'pointer',
    font: 'inherit',
    fontSize: '0.8125rem',
  },
  '.cm-panel.cm-search [name=close]': { top: '0.5rem', right: '0.5rem' },
  ':is(.cm-button, .cm-textfield, button, input):focus-visible': { outline: '2px solid var(--accent)', outlineOffset: '1px' },

  '.cm-tooltip': {
    border: '1px solid var(--line-strong)',
    borderRadius: '6px',
    background: 'var(--surface)',
    color: 'var(--ink)',
    boxShadow: '0 0.5rem 1.5rem rgb(0 0 0 / 18%)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { maxHeight: '16rem', fontFamily: 'var(--mono)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.1875rem 0.5rem', lineHeight: '1.4' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { background: 'var(--accent)', color: 'var(--accent-ink)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontFamily: 'var(--sans)', fontStyle: 'normal' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionMatchedText': { fontWeight: '700', textDecoration: 'none' },
  '.cm-tooltip.cm-completionInfo': {
    maxWidth: 'min(26rem, 80vw)',
    padding: '0.5rem 0.75rem',
    fontFamily: 'var(--sans)',
    fontSize: '0.8125rem',
    lineHeight: '1.5',
    whiteSpace: 'pre-wrap',
  },
  '.cm-diagnostic': { padding: '0.375rem 0.75rem', fontFamily: 'var(--sans)', fontSize: '0.8125rem', maxWidth: 'min(32rem, 80vw)' },
  '.cm-diagnostic-error': { borderLeft: '4px solid var(--danger)' },
  '.cm-panel.cm-panel-lint ul [aria-selected]': { background: 'var(--accent-soft)', color: 'var(--ink)' },
  '.cm-panel.cm-panel-lint ul:focus [aria-selected]': { background: 'var(--accent)', color: 'var(--accent-ink)' },

  '.cm-deletedChunk, &.cm-merge-b .cm-deletedChunk': { background: 'var(--danger-soft)', color: 'var(--ink)', paddingBlock: '1px' },
  '.cm-deletedChunk .cm-deletedLine, .cm-deletedChunk del': { textDecoration: 'line-through', textDecorationColor: 'var(--danger)' },
  '.cm-deletedChunk:not(:has(.cm-deletedLine)), &.cm-merge-b .cm-deletedChunk:not(:has(.cm-deletedLine))': { background: 'none' },
  '&.cm-merge-b .cm-changedLine, .cm-insertedLine': { background: 'var(--good-soft)' },
  '&.cm-merge-b .cm-changedText': {
    background: 'color-mix(in srgb, var(--good) 14%, transparent)',
    boxShadow: 'inset 0 -2px var(--good)',
  },
  '.cm-deletedChunk .cm-deletedText': { background: 'color-mix(in srgb, var(--danger) 14%, transparent)' },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--good)' },
  '.cm-deletedLineGutter': { background: 'var(--danger)' },
  '.cm-deletedChunk button': {
    border: '1px solid var(--line-strong)',
    borderRadius: '4px',
    background: 'var(--surface)',
    color: 'var(--ink)',
    cursor: 'pointer',
    fontFamily: 'var(--sans)',
    fontSize: '0.75rem',
  },
  '.cm-collapsedLines': { background: 'var(--sunken)', color: 'var(--muted)', fontFamily: 'var(--sans)', fontSize: '0.8125rem' },
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '"…"' },
  '.cm-tooltip code': { fontFamily: 'var(--mono)', fontSize: '0.9em' },
});

const highlighting = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--muted)' },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--warn)' },
  { tag: [tags.bool, tags.null, tags.number, tags.keyword], color: 'var(--good)' },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: 'var(--warn)' },
  { tag: [tags.punctuation, tags.separator, tags.bracket, tags.squareBracket, tags.brace], color: 'var(--muted)' },
]);

export const look: Extension = [theme, syntaxHighlighting(highlighting)];

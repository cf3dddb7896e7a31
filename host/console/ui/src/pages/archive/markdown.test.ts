// Markdown as blocks and spans, written back in a short form.
import { expect, test } from 'vitest';
import { inline, type Span } from './inline';
import { cellsOf, LINES_SHOWN, markdown, type Block } from './markdown';

function spans(all: readonly Span[]): string {
  return all
    .map((span) => {
      if (span.kind === 'text') return span.text;
      if (span.kind === 'code') return `<c>${span.text}</c>`;
      if (span.kind === 'link') return `<a ${span.address}>${spans(span.spans)}</a>`;
      return `<${span.kind[0]}>${spans(span.spans)}</${span.kind[0]}>`;
    })
    .join('');
}

function short(blocks: readonly Block[]): string {
  return blocks
    .map((block): string => {
      switch (block.kind) {
        case 'heading':
          return `h${block.level}(${spans(block.spans)})`;
        case 'paragraph':
          return `p(${spans(block.spans)})`;
        case 'code':
          return `code(${block.text})`;
        case 'rule':
          return 'hr';
        case 'quote':
          return `q(${short(block.blocks)})`;
        case 'list': {
          const box = (ticked: boolean | null): string => (ticked === null ? '' : ticked ? '☑' : '☐');
          const items = block.items.map((item) => `${box(item.ticked)}${short(item.blocks)}`).join('; ');
          return block.ordered ? `ol${block.start}(${items})` : `ul(${items})`;
        }
        case 'table':
          return `table(${[block.head, ...block.rows].map((row) => row.map(spans).join(' | ')).join(' / ')})`;
      }
    })
    .join(' ');
}

const read = (text: string): string => short(markdown(text).blocks);
const line = (text: string): string => spans(inline(text));

test('headings, paragraphs, rules', () => {
  expect(read('# One #\n\ntext\nnext\n## Two\nthree\n***\n- - -')).toBe('h1(One) p(text\nnext) h2(Two) p(three) hr hr');
  expect(read('#no heading\n####### nor this')).toBe('p(#no heading\n####### nor this)');
  expect(read('')).toBe('');
  expect(read('#\r\nx\r')).toBe('h1() p(x)');
});

test('lists, ticked, numbered and within each other', () => {
  expect(read('- a\n- b\n  more\n\n- c')).toBe('ul(p(a); p(b\nmore); p(c))');
  expect(read('- [ ] a\n- [x] b')).toBe('ul(☐p(a); ☑p(b))');
  expect(read('3. a\n4. b\n- c')).toBe('ol3(p(a); p(b)) ul(p(c))');
  expect(read('- a\n  - b\n    - c\n- d')).toBe('ul(p(a) ul(p(b) ul(p(c))); p(d))');
  expect(read('1. a\n\n   text\n2. b\nend')).toBe('ol1(p(a) p(text); p(b\nend))');
  expect(read('- a\n\nafter')).toBe('ul(p(a)) p(after)');
  expect(read('-\n- b')).toBe('ul(; p(b))');
  expect(read('\t- a')).toBe('ul(p(a))');
});

test('quotes and code', () => {
  expect(read('> a\n> > b\n\nc')).toBe('q(p(a) q(p(b))) p(c)');
  expect(read('```js\n# no\n\n  x\n```\ny')).toBe('code(# no\n\n  x) p(y)');
  expect(read('~~~\n```\n~~~~')).toBe('code(```)');
  expect(read('```\nnever closed')).toBe('code(never closed)');
  expect(read('- a\n  ```\n  x\n  ```')).toBe('ul(p(a) code(x))');
});

test('simple tables', () => {
  expect(read('a | b\n--- | :-:\n1 | 2\n3\n\nx')).toBe('table(a | b / 1 | 2) p(3) p(x)');
  expect(read('| a | b |\n|---|---|\n| 1 | **2** | 3 |\n| 4 |')).toBe('table(a | b / 1 | <s>2</s> / 4 | )');
  expect(read('a | b\nc | d')).toBe('p(a | b\nc | d)');
  expect(read('a | b | c\n--- | ---')).toBe('p(a | b | c\n--- | ---)');
  expect(cellsOf('| a \\| b | |')).toEqual(['a | b', '']);
});

test('emphasis, code and escapes within a line', () => {
  expect(line('**a** and *b* and ***c*** __d__ _e_ ~~f~~')).toBe('<s>a</s> and <e>b</e> and <s><e>c</e></s> <s>d</s> <e>e</e> <d>f</d>');
  expect(line('**a *b* c**')).toBe('<s>a <e>b</e> c</s>');
  expect(line('`**x**` ``a`b``')).toBe('<c>**x**</c> <c>a`b</c>');
  expect(line('snake_case_name 2 * 3 * 4 a*')).toBe('snake_case_name 2 * 3 * 4 a*');
  expect(line('\\*a\\* \\[x\\] C:\\dir')).toBe('*a* [x] C:\\dir');
  expect(line('**never closed and `this')).toBe('**never closed and `this');
  expect(line('这是**重点**内容')).toBe('这是<s>重点</s>内容');
});

test('links are text, and markup stays what it is', () => {
  expect(line('[tap](javascript:alert(1)) ![p](http://x.example/p.png)')).toBe('<a javascript:alert(1>tap</a>) <a http://x.example/p.png>p</a>');
  expect(line('[no link] (x) [a]')).toBe('[no link] (x) [a]');
  expect(line('<script>alert(1)</script> <img src=x>')).toBe('<script>alert(1)</script> <img src=x>');
  expect(read('<details open ontoggle=x>')).toBe('p(<details open ontoggle=x>)');
});

test('it is bounded in lines, depth and time', () => {
  const long = markdown('- x\n'.repeat(LINES_SHOWN + 5));
  expect(long.left).toBe(5);
  expect(markdown('a\nb\nc\n', 2)).toMatchObject({ left: 1 });
  expect(markdown('a\nb\n\n', 2).left).toBe(0);
  const began = performance.now();
  const bad = ['*a **b ', '[', '`', '``a`', '_a', '[a](', '![', '*', '~~x ', '**a*', '> ', '- ', '  - x\n', '|', '\\'];
  for (const piece of bad) {
    markdown(piece.repeat(100_000));
    markdown(piece.repeat(5_000));
    markdown(`${piece.repeat(50)}\n`.repeat(2_000));
  }
  for (const text of [`# ${' '.repeat(500_000)}x`, `# ${'#'.repeat(500_000)}x`, `${'\n'.repeat(500_000)}x`, `\`${' '.repeat(19_000)}x\``]) markdown(text);
  expect(performance.now() - began).toBeLessThan(4_000);
});

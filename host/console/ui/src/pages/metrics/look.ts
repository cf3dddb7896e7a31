// The colours and the type of charts, which are drawn and not styled. Rule: taken from tokens.css as they are in the
// theme that is shown, and taken anew when it changes.
import { useEffect, useState } from 'preact/hooks';
import { theme } from '../../app/theme';

export interface Look {
  text: string;
  line: string;
  surface: string;
  /** By the place of a figure in its chart. */
  figures: string[];
  soft: string;
  warn: string;
  /** Pixels of a rem. */
  rem: number;
  font: string;
}

/** The colours of these custom properties, as a canvas takes them. */
function coloursOf(names: readonly string[]): string[] {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return colours;
}

function current(): Look {
  const [text, line, surface, first, second, soft, warn] = coloursOf([
    'muted',
    'line',
    'surface',
    'stage-sound',
    'stage-model',
    'accent-soft',
    'warn',
  ]) as [string, string, string, string, string, string, string];
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.75)}px ${getComputedStyle(document.body).fontFamily}`;
  return { text, line, surface, figures: [first, second], soft, warn, rem, font };
}

function same(a: Look, b: Look): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The look of now; another object when it has changed. */
export function useLook(): Look {
  const [look, setLook] = useState(current);
  const chosen = theme.value;
  useEffect(() => {
    const take = (): void => setLook((old) => (same(old, current()) ? old : current()));
    take();
    // What changes colours or the size of type without the reader's choice here.
    const causes = ['(prefers-color-scheme: dark)', '(min-width: 120rem)', '(forced-colors: active)'].map((one) => matchMedia(one));
    for (const cause of causes) cause.addEventListener('change', take);
    return () => {
      for (const cause of causes) cause.removeEventListener('change', take);
    };
  }, [chosen]);
  return look;
}

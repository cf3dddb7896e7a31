// Search and grouping of settings. Rule: pure; a text is found in the name, the value and the origin of a setting.
import type { Json, Setting } from '../api/types';

/** A value as one line of YAML would have it. */
export function valueText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The settings that contain every word of the text. */
export function matchingSettings(settings: readonly Setting[], text: string, changedOnly: boolean): Setting[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter((one) => {
    if (changedOnly && one.origin === 'default' && !one.waits_for_restart) return false;
    const all = `${one.setting} ${valueText(one.value)} ${one.origin}`.toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}

export interface Section {
  name: string;
  settings: Setting[];
}

/** Settings by what stands before their first dot, in the order in which they come. */
export function bySection(settings: readonly Setting[]): Section[] {
  const sections = new Map<string, Setting[]>();
  for (const one of settings) {
    const name = one.setting.split('.')[0] ?? one.setting;
    const known = sections.get(name);
    if (known) known.push(one);
    else sections.set(name, [one]);
  }
  return [...sections.entries()].map(([name, list]) => ({ name, settings: list }));
}

// Numbers, sizes and times for readers. Rule: times and separators as in the reader's own locale where it is one of the
// language shown; units are the short signs that engineers read in both languages.
import { type Language, language, words } from './index';

/** The locale for a language: the reader's own, if there is one. */
export function localeFor(shown: Language, preferred: readonly string[]): string {
  const own = preferred.find((tag) => tag.toLowerCase().split('-')[0] === shown);
  return own ?? (shown === 'zh' ? 'zh-CN' : 'en');
}

function locale(): string {
  return localeFor(language.value, globalThis.navigator?.languages ?? []);
}

const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numberFormat(digits: number): Intl.NumberFormat {
  const key = `${locale()} ${digits}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(locale(), { maximumFractionDigits: digits });
  formats.set(key, format);
  return format as Intl.NumberFormat;
}

function dateFormat(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${name}`;
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  formats.set(key, format);
  return format as Intl.DateTimeFormat;
}

/** A count, with separators. */
export function count(value: number): string {
  return numberFormat(0).format(value);
}

/** Milliseconds, as ms or s. */
export function ms(value: number): string {
  if (value < 1000) return `${numberFormat(0).format(value)}\u00a0ms`;
  return `${numberFormat(value < 10_000 ? 1 : 0).format(value / 1000)}\u00a0s`;
}

/** Microseconds, as µs, ms or s. */
export function us(value: number): string {
  if (value < 1000) return `${numberFormat(0).format(value)}\u00a0µs`;
  if (value < 100_000) return `${numberFormat(1).format(value / 1000)}\u00a0ms`;
  return ms(value / 1000);
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size in bytes. */
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < SIZES.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${numberFormat(digits).format(size)}\u00a0${SIZES[unit] ?? ''}`;
}

/** Seconds, by the two largest units. */
export function duration(seconds: number): string {
  const unit = words.value.units;
  const whole = Math.max(0, Math.floor(seconds));
  const [d, h, m, s] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  if (d > 0) return `${unit.days(d)} ${unit.hours(h)}`;
  if (h > 0) return `${unit.hours(h)} ${unit.minutes(m)}`;
  return m > 0 ? unit.minutes(m) : unit.seconds(s);
}

/** A time of day, to the second. */
export function clock(at: number): string {
  return dateFormat('clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
}

/** A date and time. */
export function moment(at: number): string {
  return dateFormat('moment', { dateStyle: 'medium', timeStyle: 'medium' }).format(at);
}

/** A label before what it labels. */
export function labelled(label: string): string {
  return language.value === 'zh' ? `${label}：` : `${label}: `;
}

/** Sentences after each other: Chinese has no space between them. */
export function sentences(...all: readonly string[]): string {
  return all.filter(Boolean).join(language.value === 'zh' ? '' : ' ');
}

/** A list of names, as the language joins them. */
export function list(names: readonly string[]): string {
  return names.join(language.value === 'zh' ? '、' : ', ');
}

// Values of figures for readers. Rule: as words/format.ts writes them; a unit that is not known is a plain number.
import { language } from '../../words';
import { bytes, count, localeFor, ms } from '../../words/format';

function locale(): string {
  return localeFor(language.value, globalThis.navigator?.languages ?? []);
}

/** A share as per cent: of little, one digit more. */
export function share(value: number, shown = locale()): string {
  const digits = value > 0 && value < 0.0995 ? 1 : 0;
  return `${new Intl.NumberFormat(shown, { maximumFractionDigits: digits }).format(value * 100)}\u00a0%`;
}

/** A value with its unit. */
export function shown(value: number, unit: string): string {
  switch (unit) {
    case 'ms':
      return ms(value);
    case 'bytes':
      return bytes(value);
    case 'share':
      return share(value);
    case 'count':
      return count(value);
    default:
      return new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value);
  }
}

/** A time of day to the minute, for axes. */
export function minute(at: number): string {
  return new Intl.DateTimeFormat(locale(), { hour: 'numeric', minute: '2-digit' }).format(at);
}

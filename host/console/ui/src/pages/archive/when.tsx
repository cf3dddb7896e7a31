// A time of finished work. Rule: a mode may write any number; what is no time is shown as the number.
import { moment } from '../../words/format';

/** The last time that a date can be. */
const LAST_MS = 8.64e15;

export function When({ at }: { at: number }) {
  if (!(at >= 0 && at <= LAST_MS)) return <>{String(at)}</>;
  return <time dateTime={new Date(at).toISOString()}>{moment(at)}</time>;
}

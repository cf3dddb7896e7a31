// What a message of the server means to a person, as a note among the captions. Rule: pure; a message that means nothing
// to one yields none and stands in the view of frames only.
import type { Note } from './conversation';
import { array, object, string, type FromServer, type Json, type JsonObject } from './protocol';

/** The note of a message, or `null`. */
export function describe(message: FromServer): Note | null {
  switch (message.type) {
    case 'alert': {
      const { status } = message;
      const text = message.message || status;
      return text === ''
        ? null
        : { tone: 'warn', text: () => text, ...(text === status || status === '' ? {} : { title: () => status }) };
    }
    case 'notify':
      return message.text === ''
        ? null
        : { tone: 'good', title: (words) => words.note.notice, text: () => message.text };
    case 'error':
      return { tone: 'danger', title: (words) => words.note.errorOf(message.code), text: () => message.message };
    case 'system':
      return message.message === '' ? null : { tone: 'plain', text: () => message.message };
    case 'timeout_warning':
      return { tone: 'warn', text: (words) => words.note.idle(Math.ceil(message.remainingMs / 1000)) };
    case 'mode':
      return ofMode(message);
    case 'other':
      return ofAMode(message.name, message.body);
    default:
      return null;
  }
}

function ofMode(message: FromServer & { type: 'mode' }): Note {
  const { mode } = message;
  if (!message.ok) {
    return {
      tone: 'danger',
      title: (words) => words.note.errorOf(message.code),
      text: (words) => message.message || words.note.modeFailed(mode),
    };
  }
  return {
    tone: 'good',
    text: (words) => (message.state === 'end' ? words.note.modeEnded(mode) : words.note.modeStarted(mode)),
  };
}

/** The message of a mode: modes are no part of the protocol, so what it says is shown, whatever mode that is. */
function ofAMode(name: string, body: JsonObject): Note | null {
  const headline = string(body['title']) || string(body['message']) || string(object(body['payload'])['text']);
  const items = texts(Object.values(body));
  if (headline === '' && items.length === 0) return null;
  const step = string(body['phase']) || string(body['event']);
  const label = step === '' ? name : `${name} · ${step}`;
  return {
    tone: 'plain',
    text: () => headline || label,
    ...(headline === '' ? {} : { title: () => label }),
    ...(items.length === 0 ? {} : { items }),
  };
}

/** The texts in lists among these values: strings, or objects with a `text` or a `title`, and with their `status`. */
function texts(values: readonly (Json | undefined)[]): readonly string[] {
  const lines = values.flatMap((value) => array(value)).map((one) => {
    const { text, title, status } = object(one);
    const says = string(one) || string(text) || string(title);
    return says === '' ? '' : [says, string(status)].filter(Boolean).join(' · ');
  });
  return lines.filter((line) => line !== '').slice(0, 12);
}

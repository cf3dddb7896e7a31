// What a message of the server means to a person, as a note among the captions. Rule: pure; a message that means nothing
// to one yields none and stands in the view of frames only.
import type { Note } from './conversation';
import { array, object, string, type FromServer, type JsonObject } from './protocol';

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
      return ofModes(message.name, message.body);
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

/** Messages of the bundled modes (PROTOCOL.md, "Messages of the bundled modes"). */
function ofModes(name: string, body: JsonObject): Note | null {
  switch (name) {
    case 'meeting':
      return ofMeeting(body);
    case 'workflow': {
      if (body['event'] !== 'update') return null;
      const tasks = array(body['tasks']);
      if (tasks.length === 0) return null;
      const titles = tasks.map((task) =>
        [string(object(task)['title']), string(object(task)['status'])].filter(Boolean).join(' · '),
      );
      return {
        tone: 'plain',
        text: (words) => words.note.board(string(body['groupKey']) || '–', tasks.length),
        items: titles.slice(0, 8),
      };
    }
    case 'coding': {
      if (body['event'] !== 'insight' || body['final'] !== true) return null;
      return {
        tone: 'plain',
        text: (words) => words.note.insight,
        items: texts(body, 'insights', 'risks', 'actions', 'nextSteps'),
      };
    }
    case 'peer': {
      const text = string(object(body['payload'])['text']);
      const from = string(body['from_alias']) || string(body['from']);
      return text === '' ? null : { tone: 'good', title: (words) => words.note.peer(from), text: () => text };
    }
    default:
      return null;
  }
}

function ofMeeting(body: JsonObject): Note | null {
  switch (body['phase']) {
    case 'finalize':
      return { tone: 'good', text: (words) => words.note.saved(string(body['meeting_id'])) };
    case 'progress':
      // One line for all steps: the summary itself says that it is done.
      return body['step'] === 'prepare' ? { tone: 'plain', text: (words) => words.note.progress } : null;
    case 'summary': {
      const title = string(body['title']);
      return {
        tone: 'good',
        text: (words) => title || words.note.meeting,
        items: texts(body, 'bullets', 'decisions', 'actions'),
      };
    }
    default:
      return null;
  }
}

/** The texts of several lists: strings, or objects with a `text` or a `title`. */
function texts(body: JsonObject, ...members: string[]): readonly string[] {
  const all = members.flatMap((member) => array(body[member]));
  const lines = all.map((one) => string(one) || string(object(one)['text']) || string(object(one)['title']));
  return lines.filter((line) => line !== '').slice(0, 12);
}

// What is said between the person and the server: captions, face, speech output, and how long each took. Rule: as in
// firmware, sound is heard between `tts` `start` and `stop` only, and what was stopped here is not heard again.
import { signal } from '@preact/signals';
import { note, serverEnds, serverSays, SILENT, youSay, type Note } from './conversation';
import { describe } from './describe';
import { Player } from './player';
import type { Downlink, FromServer } from './protocol';
import { measure, type Measure, type Turn, type TurnStart } from './turns';
import { words } from './words';

/** Codes of errors about what was heard. */
const HEARING_CODES: readonly string[] = ['ASR_UNAVAILABLE', 'AUDIO_UNREADABLE'];
/** How long listening waits for the answer to what was typed into another answer, in seconds: a `listen` `start` in
 * between could end the turn. */
const WAIT_FOR_ANSWER = 5;

export interface DialogueEvents {
  /** When the person was heard last (`performance.now`), if the microphone was open. */
  takeSpeechEnd(): number | null;
  speechBegins(): void;
  /** The answer is over, and has been heard. */
  speechEnds(): void;
}

export class Dialogue {
  readonly conversation = signal(SILENT);
  readonly turns = signal<readonly Turn[]>([]);
  readonly emotion = signal('neutral');
  readonly isSpeaking = signal(false);
  /** There is sound, and the browser does not let the page play it. */
  readonly isMuted = signal(false);
  private readonly player: Player;
  private rest: number | null = null;

  constructor(private readonly events: DialogueEvents) {
    this.player = new Player({
      sounded: (at) => this.measure({ type: 'sounded', at }),
      muted: (isMuted) => {
        this.isMuted.value = isMuted && this.isSpeaking.value;
      },
    });
  }

  /** The server will send this from now on; what was before is over. */
  begin(downlink: Downlink): void {
    this.player.expect(downlink);
  }

  /** The person has said, typed or called something by hand. */
  said(start: TurnStart, text: string): void {
    if (start === 'typed') this.conversation.value = youSay(this.conversation.value, text, false);
    this.measure({ type: 'sent', start, at: performance.now(), text });
  }

  play(packet: Uint8Array<ArrayBuffer>): void {
    if (this.isSpeaking.value) this.player.play(packet);
  }

  onMessage(message: FromServer): void {
    const now = performance.now();
    switch (message.type) {
      case 'stt':
        this.conversation.value = youSay(this.conversation.value, message.text, true);
        this.measure({ type: 'understood', at: now, text: message.text, speechEnd: this.events.takeSpeechEnd() });
        break;
      case 'transcription':
        this.conversation.value = youSay(this.conversation.value, message.text, false);
        break;
      case 'emotion':
        this.emotion.value = message.emotion;
        break;
      case 'tts':
        this.onSpeech(message.state, message.text, now);
        break;
      case 'error':
        this.measure({ type: 'failed', at: now, isHearing: HEARING_CODES.includes(message.code) });
        break;
      default:
        break;
    }
    const added = describe(message);
    if (added !== null) this.add(added);
  }

  /** Stops the answer that is being spoken. Returns whether there was one. */
  stop(): boolean {
    this.cancelRest();
    this.player.stop();
    if (!this.isSpeaking.value) return false;
    this.isSpeaking.value = false;
    this.isMuted.value = false;
    this.conversation.value = serverEnds(this.conversation.value, true);
    this.measure({ type: 'aborted', at: performance.now() });
    return true;
  }

  add(added: Note): void {
    this.conversation.value = note(this.conversation.peek(), added, words.peek());
  }

  clear(): void {
    this.conversation.value = { ...SILENT, next: this.conversation.value.next };
    this.turns.value = [];
  }

  /** Lets the page play; to be called when the reader touches it. */
  unlock(): void {
    this.player.unlock();
  }

  setVolume(volume: number): void {
    this.player.setVolume(volume);
  }

  /** The loudness of what is heard now, 0 to 1. */
  level(): number {
    return this.player.level();
  }

  leave(): void {
    this.stop();
    this.player.close();
  }

  private onSpeech(state: string, text: string, now: number): void {
    if (state === 'start') {
      this.cancelRest();
      this.player.stop();
      this.isSpeaking.value = true;
      this.events.speechBegins();
    } else if (state === 'sentence_start') {
      this.conversation.value = serverSays(this.conversation.value, text);
      this.measure({ type: 'answered', at: now });
    } else if (state === 'stop') {
      // What was stopped here is over already: this is the reply to `abort`, and the next turn may have begun.
      const rest = this.isSpeaking.value ? this.finish(now) : this.isAwaited() ? WAIT_FOR_ANSWER : 0;
      this.cancelRest();
      this.rest = window.setTimeout(() => this.events.speechEnds(), rest * 1000);
    }
  }

  /** Whether a turn has begun that has no answer yet. */
  private isAwaited(): boolean {
    const last = this.turns.value.at(-1);
    return last !== undefined && last.end === null && last.answered === null;
  }

  /** The server has ended its answer. Returns for how many seconds the end of it will still be heard. */
  private finish(now: number): number {
    const isCut = this.player.isEarly();
    const rest = isCut ? 0 : this.player.ahead();
    this.player.stop(rest);
    this.isSpeaking.value = false;
    this.isMuted.value = false;
    this.conversation.value = serverEnds(this.conversation.value, isCut);
    this.measure({ type: isCut ? 'aborted' : 'finished', at: now });
    return rest;
  }

  private cancelRest(): void {
    if (this.rest !== null) window.clearTimeout(this.rest);
    this.rest = null;
  }

  private measure(event: Measure): void {
    this.turns.value = measure(this.turns.value, event);
  }
}

// Every text of the simulator: English here, Chinese in words.zh.ts. Rule: both languages have the same keys, which
// the compiler checks; names that go over the wire (codes, tools, modes) are never translated.
import { computed } from '@preact/signals';
import { language } from '../words';
import { emotionsEn } from './emotions';
import { zh } from './words.zh';

export { zh };

export const en = {
  title: 'Simulator',
  lead: 'A device in this page. It speaks the same protocol as a real one: talk to it, or type.',

  link: {
    finding: 'Asking the server for its address…',
    connecting: 'Connecting…',
    open: 'Connected',
    waiting: 'Not connected. It tries again by itself.',
    onDemand: 'The conversation has ended. It connects again when you speak or type.',
    away: 'Not connected.',
    again: 'Connect now',
    unreachable: (address: string) =>
      `${address} does not accept a connection from this page. Check that the device port is reachable from here; if the server asks for a token, allow it in the address with auth.query_tokens; if this page has an origin of its own, name it in gateway.origins.`,
    noHello: 'The server did not answer hello within 10 s.',
    closed: (code: number, reason: string) =>
      reason === ''
        ? `The server closed the connection (${code}).`
        : `The server closed the connection (${code}): ${reason}`,
    lost: 'The connection was lost.',
    noAddress: 'The server did not say where devices connect. Check that its HTTP port answers /xiaozhi/ota/.',
    insecureAddress: (address: string) =>
      `This page came over https, but devices connect to ${address}. Browsers refuse that: set server.tls, or give a wss:// address in server.public_url.`,
    resumed: 'Reconnected. The conversation goes on.',
    renewed: 'Reconnected. The earlier session has ended; this is a new one.',
    activation: (code: string) =>
      `The server does not know this device yet. Enter the code ${code} in the console to activate it.`,
  },

  phase: {
    idle: 'Ready',
    listening: 'Listening',
    speaking: 'Speaking',
    opening: 'Opening the microphone…',
    sending: 'Sending the sound file…',
  },

  talk: {
    heading: 'Device',
    start: 'Start listening',
    stop: 'Stop listening',
    hold: 'Hold to talk',
    release: 'Release to send',
    holdHint: 'Hold the button or the space bar while you speak.',
    autoHint: 'Speak when it listens. The server finds the end of what you say.',
    realtimeHint: 'The microphone stays open: speak while it answers to interrupt it.',
    tooShort: 'That was too short. Hold the button while you speak.',
    asked: 'The mode asks you to speak.',
    abort: 'Stop the answer',
    wake: (word: string) => `Wake word “${word}”`,
    file: 'Choose a sound file',
    fileHint: 'Sent as if it were spoken; two minutes at most.',
    level: 'Loudness of the microphone',
    volume: 'Volume',
    mode: 'Listening',
    modes: { auto: 'Automatic', manual: 'Push to talk', realtime: 'Realtime' },
    unmute: 'Turn on the sound',
    muted: 'The browser keeps this page silent until you use it.',
  },

  missing: {
    heading: 'What does not work here',
    insecure:
      'This page is neither on https nor on localhost, so the browser offers no microphone and no Opus. Typing works, and answers are heard as PCM.',
    noWebcodecs:
      'This browser has no Opus encoder (WebCodecs). Sound is sent and heard as PCM, which needs ten times the bandwidth.',
    denied:
      'The browser does not let this page use the microphone. Allow it in the settings of this page, then start again.',
    noDevice: 'No microphone was found. Connect one, choose a sound file, or type.',
    busy: 'The microphone cannot be opened. Another program may be using it.',
    unreadableFile: 'This file is not a sound that the browser can read. Try WAV, MP3, OGG or M4A.',
    tooLong: 'This file is longer than two minutes. Choose a shorter one.',
    model: 'The server has no model: answers come from rules, or not at all.',
    recogniser: 'The server has no recogniser: it receives what you say, but does not understand it. Type instead.',
    voice: 'The server has no voice: answers are shown, not spoken.',
    setting: (name: string) => ` Set ${name}.`,
    how: 'What to write',
  },

  conversation: {
    heading: 'Conversation',
    empty: 'Nothing has been said yet.',
    you: 'You',
    server: 'Server',
    cut: ' (interrupted)',
    placeholder: 'Type something to say',
    send: 'Send',
    try: 'Try',
    clear: 'Clear',
    greeting: 'Hello',
    latest: 'Go to the latest',
    endMode: (mode: string) => `End ${mode}`,
  },

  note: {
    modeStarted: (mode: string) => `Mode ${mode} has begun.`,
    modeEnded: (mode: string) => `Mode ${mode} has ended.`,
    modeFailed: (mode: string) => `Mode ${mode} did not begin.`,
    swapped: (plugin: string, generation: number, version: string) =>
      `Plugin ${plugin} was swapped: generation ${generation} (${version}) answers now.`,
    tool: (name: string) => `Tool ${name} was called.`,
    toolFailed: (name: string) => `Tool ${name} was called with values that it refuses.`,
    idle: (seconds: number) =>
      `The server will close this idle connection in ${seconds} s. Say or type something to keep it.`,
    errorOf: (code: string) => `Error ${code}`,
    notice: 'Notice',
  },

  turns: {
    heading: 'Time to first sound',
    lead: 'Measured in this page, from the end of what you said or sent.',
    empty: 'Each turn will show here how long it took to be understood, answered and heard.',
    caption: 'The last turns, in milliseconds from the end of what was said or sent',
    turn: 'Turn',
    stages: 'Stages',
    start: 'Began with',
    starts: { spoken: 'speech', typed: 'text', wake_word: 'wake word' },
    understood: 'Text known',
    answered: 'First words',
    sounded: 'First sound',
    end: 'Outcome',
    ends: { answered: 'answered', interrupted: 'interrupted', failed: 'failed', nothing: 'no answer', open: 'running' },
    none: '–',
  },

  tools: {
    heading: 'Its tools',
    lead: 'A mode or a model can call these. The picture shows their state.',
    lampOn: (brightness: number) => `The lamp is on, at ${brightness}%.`,
    lampOff: 'The lamp is off.',
    listed: (tools: string) => `The server has read the list of ${tools} tools.`,
    notListed: 'The server has not asked for the list of tools yet.',
    called: (times: number) => (times === 1 ? 'called once' : `called ${times} times`),
  },

  about: {
    heading: 'Connection',
    device: 'Device',
    address: 'Address',
    session: 'Session',
    mode: 'Mode',
    noMode: 'none',
    plugin: (plugin: string, version: string, generation: number) => `${plugin} ${version}, generation ${generation}`,
    up: 'Sends',
    down: 'Receives',
    sound: (codec: string, rate: string, frame: number) => `${codec}, ${rate}, ${frame} ms`,
    framing: 'Framing',
    framings: { 1: '1: bare packets', 2: '2: with a timestamp', 3: '3: with a short header' },
    framingHint:
      'A page cannot set Protocol-Version; the server learns the framing from the first frames. A change connects anew.',
    newTab: ' (opens in a new tab)',
    drop: 'Lose the connection',
    dropHint: 'Cuts the connection as a bad network does; the device comes back by itself.',
  },

  frames: {
    heading: 'Frames',
    lead: 'What passed between this device and the server, the newest last; at most 200 lines.',
    sent: 'sent',
    received: 'received',
    audio: (frames: number, bytes: string) =>
      frames === 1 ? `1 audio frame, ${bytes}` : `${frames} audio frames, ${bytes}`,
    malformed: (frames: number, bytes: string) => `${frames} unreadable, ${bytes}`,
    empty: 'No frame yet.',
  },

  face: (emotion: string) => `Face of the device: ${emotion}`,
  emotions: emotionsEn,
};

export type Words = typeof en;

/** The words of the language that is shown. */
export const words = computed<Words>(() => (language.value === 'zh' ? zh : en));

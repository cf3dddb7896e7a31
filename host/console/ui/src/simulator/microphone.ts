// Where sound comes from: the microphone, or a file that is sent as if it were spoken. Rule: both hand on blocks at
// 16 kHz in real time, and `close` releases what they hold.
import captureFile from './capture.worklet.ts?worker&url';
import { UPLINK_RATE } from './protocol';
import { Resampler } from './resample';

export type Block = Float32Array<ArrayBuffer>;

export interface Source {
  close(): void;
}

/** Why there is no sound to send. */
export type SourceFault = 'insecure' | 'denied' | 'no_device' | 'busy' | 'unreadable_file' | 'too_long';

export class SourceError extends Error {
  constructor(readonly fault: SourceFault) {
    super(fault);
  }
}

/** Opens the microphone; asks for permission at the first time. `ended` is called when the system takes it away. */
export async function openMicrophone(emit: (block: Block) => void, ended: () => void): Promise<Source> {
  if (!isSecureContext || !navigator.mediaDevices) throw new SourceError('insecure');
  const stream = await navigator.mediaDevices
    .getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
    .catch((error: unknown) => {
      throw new SourceError(faultOf(error));
    });
  let context: AudioContext | null = null;
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    context?.close().catch(() => {});
  };
  try {
    const opened = openContext(stream);
    context = opened.context;
    await context.audioWorklet.addModule(captureFile);
    const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
    const resampler = new Resampler(context.sampleRate);
    capture.port.onmessage = (event: MessageEvent<Block>) => emit(resampler.process(event.data));
    opened.input.connect(capture);
    if (context.state === 'suspended') await context.resume();
    stream.getAudioTracks().forEach((track) => track.addEventListener('ended', ended));
    return { close };
  } catch {
    close();
    throw new SourceError('busy');
  }
}

/** Some browsers join a microphone only to a context of its own rate. */
function openContext(stream: MediaStream): { context: AudioContext; input: MediaStreamAudioSourceNode } {
  const wanted = new AudioContext({ sampleRate: UPLINK_RATE });
  try {
    return { context: wanted, input: wanted.createMediaStreamSource(stream) };
  } catch {
    wanted.close().catch(() => {});
    const context = new AudioContext();
    return { context, input: context.createMediaStreamSource(stream) };
  }
}

function faultOf(error: unknown): SourceFault {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'no_device';
  return name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'busy';
}

/** The longest file that is sent, in seconds. */
export const MOST_SECONDS = 120;
const BLOCK_MS = 20;

/** Reads a sound file of any kind that the browser plays, at 16 kHz. */
export async function readSoundFile(file: File): Promise<Block> {
  const offline = new OfflineAudioContext(1, 1, UPLINK_RATE);
  const decoded = await file
    .arrayBuffer()
    .then((bytes) => offline.decodeAudioData(bytes))
    .catch(() => {
      throw new SourceError('unreadable_file');
    });
  if (decoded.duration > MOST_SECONDS) throw new SourceError('too_long');
  if (decoded.length === 0) throw new SourceError('unreadable_file');
  const length = Math.ceil(decoded.duration * UPLINK_RATE);
  const mixing = new OfflineAudioContext(1, length, UPLINK_RATE);
  const source = new AudioBufferSourceNode(mixing, { buffer: decoded });
  source.connect(mixing.destination);
  source.start();
  return (await mixing.startRendering()).getChannelData(0);
}

/** Sends samples in real time, then silence until it is closed; `spoken` is called at the end of the samples. */
export function playInto(samples: Block, emit: (block: Block) => void, spoken: () => void): Source {
  const length = (UPLINK_RATE * BLOCK_MS) / 1000;
  const began = performance.now();
  let sent = 0;
  let hasEnded = false;
  const timer = window.setInterval(() => {
    const due = Math.floor((performance.now() - began) / BLOCK_MS);
    for (; sent < due; sent++) {
      const block = new Float32Array(length);
      block.set(samples.subarray(sent * length, (sent + 1) * length));
      emit(block);
      if (!hasEnded && (sent + 1) * length >= samples.length) {
        hasEnded = true;
        spoken();
      }
    }
  }, BLOCK_MS);
  return { close: () => window.clearInterval(timer) };
}

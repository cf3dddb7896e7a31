// Sound files of the reader as WAV. Rule: any file that the browser plays becomes one channel of 16 bits, no longer than
// its limit; nothing leaves the page here.
import { monoOf, type Samples, wavOf } from './wav';

/** A recording that can be sent, and heard before. */
export interface Clip {
  name: string;
  wav: Blob;
  seconds: number;
  /** Whether it was longer. */
  cut: boolean;
}

export type SoundFault = 'unreadable_file' | 'too_long';

export class SoundError extends Error {
  constructor(readonly fault: SoundFault) {
    super(fault);
  }
}

/** Decoded sound is many times larger than its file: beyond this the page would suffer. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Samples as a clip. */
export function clipOf(name: string, samples: Samples, rate: number, cut: boolean): Clip {
  const wav = new Blob([wavOf(samples, rate)], { type: 'audio/wav' });
  return { name, wav, seconds: samples.length / rate, cut };
}

/** Reads a sound, at this rate and at most so long. */
export async function readSound(file: Blob, name: string, rate: number, mostSeconds: number): Promise<Clip> {
  if (file.size > MOST_BYTES) throw new SoundError('too_long');
  let decoded: AudioBuffer;
  try {
    // The context resamples to its own rate.
    decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new SoundError('unreadable_file');
  }
  if (decoded.length === 0) throw new SoundError('unreadable_file');
  const most = mostSeconds * rate;
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, at) => decoded.getChannelData(at).subarray(0, most));
  return clipOf(name, monoOf(channels), rate, decoded.length > most);
}

// What does not work here and why: the browser's part and the server's. Rule: a sentence for each, with what to do; where
// nothing is missing there is nothing.
import type { Missing } from '../../api/types';
import type { Device } from '../device';
import type { SourceFault } from '../microphone';
import { words } from '../words';

function sentenceOfFault(fault: SourceFault): string {
  const w = words.value.missing;
  const sentences: Record<SourceFault, string> = {
    insecure: w.insecure,
    denied: w.denied,
    no_device: w.noDevice,
    busy: w.busy,
    unreadable_file: w.unreadableFile,
    too_long: w.tooLong,
  };
  return sentences[fault];
}

function ofServer({ code, setting, message }: Missing): { text: string; setting: string } {
  const w = words.value.missing;
  const known = code === 'model' || code === 'recogniser' || code === 'voice';
  return { text: known ? w[code] : message, setting };
}

export function MissingNote({ device, missing }: { device: Device; missing: readonly Missing[] }) {
  const w = words.value.missing;
  const fault = device.listening.fault.value;
  const reason = device.link.sound.value?.reason;
  const own: string[] = [];
  if (reason === 'insecure') own.push(w.insecure);
  else if (reason === 'no_webcodecs') own.push(w.noWebcodecs);
  if (fault !== null && fault !== 'too_short' && !own.includes(sentenceOfFault(fault)))
    own.push(sentenceOfFault(fault));
  return (
    <div role="status">
      {(own.length > 0 || missing.length > 0) && (
        <section class="note warn sim-missing" aria-label={w.heading}>
          <h2>{w.heading}</h2>
          <ul>
            {own.map((text) => (
              <li key={text}>{text}</li>
            ))}
            {missing.map(ofServer).map(({ text, setting }) => (
              <li key={text}>
                {text}
                {setting !== '' && w.setting(setting)}
              </li>
            ))}
          </ul>
          {missing.length > 0 && <a href="#/">{w.how}</a>}
        </section>
      )}
    </div>
  );
}

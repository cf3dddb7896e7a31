// The conversation: captions as they come, and a line to type. Rule: the newest caption stays in view until the reader
// scrolls away; texts of the server are text and never markup.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Panel } from '../../parts/basics';
import type { Entry } from '../conversation';
import type { Device } from '../device';
import { words } from '../words';

/** How far from the end, in pixels, still counts as the end. */
const AT_END = 40;

function Caption({ entry }: { entry: Entry }) {
  const w = words.value.conversation;
  if (entry.who === 'note') {
    const { tone, title, text, items } = entry.note;
    return (
      <li class="sim-note" data-tone={tone}>
        {title && <b>{title(words.value)}</b>}
        <p>{text(words.value)}</p>
        {items && items.length > 0 && (
          <ul>
            {items.map((item, index) => (
              <li key={index}>{item}</li>
            ))}
          </ul>
        )}
      </li>
    );
  }
  if (entry.who === 'you') {
    return (
      <li class="sim-caption" data-who="you" data-open={!entry.isFinal}>
        <b>{w.you}</b>
        <p>
          {entry.text}
          {!entry.isFinal && ' …'}
        </p>
      </li>
    );
  }
  return (
    <li class="sim-caption" data-who="server">
      <b>{w.server}</b>
      <p>
        {entry.sentences.map((sentence, index) => (
          <span key={index}>{sentence}</span>
        ))}
        {entry.isCut && <span class="muted small">{w.cut}</span>}
      </p>
    </li>
  );
}

/** What becomes final is another node: readers that announce additions only then say it once, as it is. */
function keyOf(entry: Entry): string {
  return `${entry.id} ${entry.who === 'you' && entry.isFinal}`;
}

function Captions({ device }: { device: Device }) {
  const w = words.value.conversation;
  const { entries } = device.dialogue.conversation.value;
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [isAway, setAway] = useState(false);
  const toEnd = () => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (follows.current) toEnd();
  }, [entries]);
  return (
    <div class="sim-log-frame">
      <div
        ref={list}
        class="sim-log"
        role="log"
        aria-relevant="additions"
        aria-label={w.heading}
        tabIndex={0}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          follows.current = scrollHeight - scrollTop - clientHeight < AT_END;
          setAway(!follows.current);
        }}
      >
        {entries.length === 0 && <p class="sim-empty muted">{w.empty}</p>}
        <ol>
          {entries.map((entry) => (
            <Caption key={keyOf(entry)} entry={entry} />
          ))}
        </ol>
      </div>
      {isAway && (
        <button type="button" class="button quiet sim-latest" onClick={toEnd}>
          {w.latest}
        </button>
      )}
    </div>
  );
}

function Line({ device }: { device: Device }) {
  const w = words.value.conversation;
  const [text, setText] = useState('');
  return (
    <form
      class="sim-line field"
      onSubmit={(event) => {
        event.preventDefault();
        const said = text.trim();
        if (said === '') return;
        setText('');
        device.type(said);
      }}
    >
      <input
        type="text"
        value={text}
        maxLength={2000}
        placeholder={w.placeholder}
        aria-label={w.placeholder}
        autocomplete="off"
        enterkeyhint="send"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={text.trim() === ''}>
        {w.send}
      </button>
    </form>
  );
}

export function ConversationPanel(props: { device: Device; phrases: readonly string[]; mode: string | null }) {
  const w = words.value;
  const { device, mode } = props;
  const link = device.link.state.value;
  const isEmpty = device.dialogue.conversation.value.entries.length === 0;
  const aside = (
    <div class="buttons">
      {mode !== null && <span class="badge accent">{mode}</span>}
      {mode !== null && (
        <button type="button" class="button quiet sim-small" onClick={() => device.endMode(mode)}>
          {w.conversation.endMode(mode)}
        </button>
      )}
      <span
        class={`badge ${link === 'open' ? 'good' : link === 'finding' || link === 'connecting' ? '' : 'warn'}`}
        role="status"
      >
        {w.link[link]}
      </span>
      {(link === 'waiting' || link === 'away' || link === 'onDemand') && (
        <button type="button" class="button quiet sim-small" onClick={() => void device.link.connect()}>
          {w.link.again}
        </button>
      )}
      {!isEmpty && (
        <button type="button" class="button quiet sim-small" onClick={() => device.dialogue.clear()}>
          {w.conversation.clear}
        </button>
      )}
    </div>
  );
  return (
    <Panel title={w.conversation.heading} aside={aside} class="sim-conversation">
      <Captions device={device} />
      {device.dialogue.isMuted.value && (
        <div class="note warn sim-muted" role="status">
          {w.talk.muted}{' '}
          <button type="button" class="button quiet sim-small" onClick={() => device.dialogue.unlock()}>
            {w.talk.unmute}
          </button>
        </div>
      )}
      <div class="sim-try">
        <span class="muted small" id="sim-try">
          {w.conversation.try}
        </span>
        <ul aria-labelledby="sim-try">
          {[w.conversation.greeting, ...props.phrases].map((phrase) => (
            <li key={phrase}>
              <button type="button" class="button quiet sim-small" onClick={() => device.type(phrase)}>
                {phrase}
              </button>
            </li>
          ))}
        </ul>
      </div>
      <Line device={device} />
    </Panel>
  );
}

// Counts what it hears: a component of contract 0.1. Rule: `tests/components/README.md` says what it does; it does the
// same in every language and contract version.

const ID = "count-js-01";
const VERSION = "1.0.0";
const SCHEMA = 1;
const TIMER = 7;
const STATE = /^[ \t\r\n]*\{[ \t\r\n]*"heard"[ \t\r\n]*:[ \t\r\n]*(0|[1-9][0-9]{0,15})[ \t\r\n]*\}[ \t\r\n]*$/;

let heard = 0;

const say = (text) => ({ tag: "say", val: { text, interrupt: false } });

function answer(body) {
    const wish = JSON.parse(body);
    if (wish.panic === true) {
        throw new Error("asked to panic");
    }
    if (wish.fault === true) {
        throw { tag: "rejected", val: { code: "ASKED", message: "as asked" } };
    }
    if (Number.isSafeInteger(wish.timer) && wish.timer >= 0) {
        return [{ tag: "start-timer", val: { id: TIMER, delayMs: wish.timer } }];
    }
    return [{ tag: "send", val: JSON.stringify({ type: "count", heard }) }];
}

export const handler = {
    handle(_context, event) {
        if (event.tag === "transcript" && event.val.confirmed) {
            heard += 1;
            return [say(`${heard}: ${event.val.text}`)];
        }
        if (event.tag === "message" && event.val.kind === "count") {
            return answer(event.val.body);
        }
        // A number or a bigint, as the tool that made the component has it.
        if (event.tag === "timer" && Number(event.val) === TIMER) {
            return [say("timer")];
        }
        return [];
    },
};

export const lifecycle = {
    configure(_config) {},

    snapshot() {
        // All of it is ASCII.
        const text = JSON.stringify({ heard });
        return { schema: SCHEMA, state: Uint8Array.from(text, (char) => char.charCodeAt(0)) };
    },

    restore({ schema, state }) {
        if (schema !== SCHEMA) {
            throw { tag: "unsupported", val: schema };
        }
        // Of more bytes no number is left that is counted to.
        const text = state.length <= 256 ? String.fromCharCode(...state) : "";
        const count = Number(STATE.exec(text)?.[1] ?? NaN);
        if (!Number.isSafeInteger(count)) {
            throw { tag: "corrupt", val: 'the state is not {"heard":N}' };
        }
        heard = count;
    },
};

export const manifest = {
    describe() {
        return {
            id: ID,
            version: VERSION,
            modes: [{ name: ID, aliases: [] }],
            messageTypes: ["count"],
            voice: "exclusive",
            snapshotSchemas: [SCHEMA],
            configSchema: '{"type":"object","additionalProperties":false}',
            subscriptions: { attachment: false, hello: false, modeChange: false },
        };
    },
};

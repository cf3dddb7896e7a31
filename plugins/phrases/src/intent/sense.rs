//! Senses of the words of a command. Rule: one bit for each sense, so that the sum does not depend on the word order.

/// A set of senses.
pub type Sense = u64;

/// No sense: the word changes nothing.
pub const ADVERB: Sense = 0;
/// 打开, start.
pub const OPEN: Sense = 1;
/// 切到, go into: modes only, since people also go to meetings without any device.
pub const ENTER: Sense = 1 << 1;
/// 念一下, read me.
pub const SHOW: Sense = 1 << 2;
/// 结束, stop.
pub const END: Sense = 1 << 3;
/// 记一下, record.
pub const RECORD: Sense = 1 << 4;
/// 录, 勾掉: the word is unambiguous.
pub const UNAMBIGUOUS: Sense = 1 << 5;
/// 做, take: notes.
pub const TAKE: Sense = 1 << 6;
/// 勾掉, tick off.
pub const TICK: Sense = 1 << 7;
/// 跳到, on to.
pub const MOVE: Sense = 1 << 8;
/// 搞定了, is done.
pub const DONE: Sense = 1 << 9;
pub const MEETING: Sense = 1 << 10;
/// 纪要, 录音.
pub const NOTES: Sense = 1 << 11;
pub const BOARD: Sense = 1 << 12;
pub const TASKS: Sense = 1 << 13;
pub const LOG: Sense = 1 << 14;
pub const BUILD: Sense = 1 << 15;
pub const MEETING_MODE: Sense = 1 << 16;
pub const WORKING: Sense = 1 << 17;
pub const CODING: Sense = 1 << 18;
pub const THIS_MODE: Sense = 1 << 19;
pub const CHAT: Sense = 1 << 20;
/// 下一个, the next.
pub const NEXT: Sense = 1 << 21;
/// 这个, this one.
pub const THIS: Sense = 1 << 22;
/// 有哪些, what is on.
pub const WHAT: Sense = 1 << 23;
/// 过了没有, whether it passed.
pub const STATE: Sense = 1 << 24;
/// 把: the object precedes the verb.
pub const OBJECT_MARKER: Sense = 1 << 25;
/// A time in the past, which is allowed when a task is ticked off.
pub const PAST: Sense = 1 << 26;
/// A determiner whose noun has not followed yet.
pub const DETERMINER: Sense = 1 << 27;
/// The object stands before the verb.
pub const THING_FIRST: Sense = 1 << 28;
/// An unlisted name was skipped.
pub const NAMED: Sense = 1 << 29;
/// An unlisted recipient or topic was skipped.
pub const TAIL: Sense = 1 << 30;
/// Speech that is recorded, but neither opened nor closed.
pub const SPOKEN: Sense = 1 << 31;
/// A remark after the command that no punctuation separates from it.
pub const REMARK: Sense = 1 << 32;

/// 接着往下, and 一个 from the list.
pub const ONWARD: Sense = 1 << 33;
pub const ONE: Sense = 1 << 34;

/// 今天, 我手上: the object belongs to the speaker.
pub const MINE: Sense = 1 << 35;
/// Would you mind.
pub const WOULD_YOU_MIND: Sense = 1 << 36;

/// For our discussion.
pub const PURPOSE: Sense = 1 << 37;

/// 新建, create: the object is new.
pub const CREATE: Sense = 1 << 38;

/// All actions.
pub const ACTIONS: Sense = OPEN | CREATE | ENTER | SHOW | END | RECORD | TAKE | TICK | MOVE;
/// All objects.
pub const THINGS: Sense = MEETING
    | NOTES
    | BOARD
    | TASKS
    | LOG
    | BUILD
    | MEETING_MODE
    | WORKING
    | CODING
    | THIS_MODE
    | CHAT
    | NEXT
    | THIS
    | SPOKEN;

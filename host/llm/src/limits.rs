//! Limits of requests to language models: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; what an operator can change starts from here.

use std::time::Duration;

pub use modehost_limits::{BREAKER_OPEN, JSON_DEPTH, TOOL_NAME_BYTES};

// --- Models and what is asked of others ----------------------------------------------------------

/// Purposes that metrics and log lines call by their names beside the configured ones: modes choose
/// them, and labels must be few.
pub const MODEL_PURPOSES: usize = 32;
/// Name of such a purpose, in bytes.
pub const MODEL_PURPOSE_BYTES: usize = 32;
/// The same as services of models take it.
pub const MODEL_TOOL_NAME_BYTES: usize = 64;

// --- Language models -----------------------------------------------------------------------------

/// One question in all: waiting for its turn, tries, pauses between them and the answer. 800 tokens
/// at 30 a second take 27 s.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(60);
/// From sending a question to the first piece of a streamed answer.
pub const MODEL_FIRST_TOKEN: Duration = Duration::from_secs(20);
/// Between two pieces of a streamed answer, unless the time to the first one is set lower.
pub const MODEL_TOKEN_GAP: Duration = Duration::from_secs(20);
/// A stream whose answer is complete may take this long to say its usage and end.
pub const MODEL_TAIL: Duration = Duration::from_secs(2);
/// A stream that has said that it is over may take this long to end, so that its connection can be
/// used again.
pub const MODEL_DRAIN: Duration = Duration::from_millis(50);
/// Connecting to a provider, with TLS.
pub const MODEL_CONNECT: Duration = Duration::from_secs(5);
/// Questions to one alias at the same time. Hosted providers take hundreds, a local one a few.
pub const MODEL_CONCURRENT: usize = 32;
/// Questions that wait for their turn at one alias.
pub const MODEL_WAITING: usize = 512;
/// How long a question waits for its turn.
pub const MODEL_QUEUE: Duration = Duration::from_secs(20);
/// Further tries of a question that failed in a way that may pass.
pub const MODEL_RETRIES: u32 = 2;
/// Pause before the second try, doubling; chance adds up to as much again.
pub const MODEL_BACKOFF: Duration = Duration::from_millis(250);
/// Longest pause between two tries, unless the provider asks for a longer one.
pub const MODEL_BACKOFF_MAX: Duration = Duration::from_secs(8);
/// An idle connection to a provider is kept this long; most close it after a minute.
pub const MODEL_IDLE: Duration = Duration::from_secs(30);
/// How often the system looks whether a silent connection to a provider still stands.
pub const MODEL_KEEPALIVE: Duration = Duration::from_secs(15);
/// Text and tool calls of one answer. 8,000 tokens have about 32 KiB.
pub const MODEL_ANSWER_BYTES: usize = 256 * 1024;
/// All that a provider sends for one answer: a token comes with about 250 bytes around it, and
/// thoughts come on top.
pub const MODEL_BODY_BYTES: usize = 16 * 1024 * 1024;
/// One event of a streamed answer; some providers send the whole answer in one.
pub const MODEL_EVENT_BYTES: usize = 1024 * 1024;
/// What is read of a provider's error.
pub const MODEL_ERROR_BYTES: usize = 16 * 1024;
/// Tool calls of one answer.
pub const MODEL_TOOL_CALLS: usize = 64;
/// Pieces of an answer that wait for their session.
pub const MODEL_PARTS: usize = 32;
/// Changes to one question after refusals, each of which has another reason. More than two are seldom needed.
pub const MODEL_REMEDIES: u32 = 4;
/// Times that the oldest turns of one question are dropped since it is too long. Each drops half of them.
pub const MODEL_SHORTENINGS: u32 = 6;
/// How long it is remembered what a model does not take, and how it answers: services change overnight.
pub const MODEL_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for what was guessed: it may have been something else that helped.
pub const MODEL_GUESS_MEMORY: Duration = Duration::from_secs(10 * 60);
/// Lasting failures in a row that open the circuit breaker of a model: a turn asks up to three questions, so
/// one is not enough to tell a restart of the provider from a mistake.
pub const MODEL_BREAKER_FAILURES: u32 = 5;
/// Models of which something is remembered, beside those of the configuration.
pub const MODEL_MEMORY_MODELS: usize = 64;
/// Members and the like that one model was found not to take.
pub const MODEL_MEMORY_REMEDIES: usize = 32;
/// Tokens for thoughts, as a multiple of those for the answer. Models that think use about 5 to 10 times as
/// many for it as for a spoken answer.
pub const MODEL_THOUGHT_FACTOR: u32 = 8;
/// Least tokens for thoughts.
pub const MODEL_THOUGHT_TOKENS_MIN: u32 = 4096;
/// Most tokens for thoughts: at 100 tokens a second nobody waits longer.
pub const MODEL_THOUGHT_TOKENS_MAX: u32 = 16_384;
/// Text that is withheld until it is known whether it was thought; a spoken answer has a few hundred bytes, a
/// written one a few thousand.
pub const MODEL_WITHHELD_BYTES: usize = 64 * 1024;
/// A call of a tool that a model has written into its text; arguments are short.
pub const MODEL_CALL_BYTES: usize = 32 * 1024;
/// Blanks before an answer that are kept.
pub const MODEL_BLANKS_BYTES: usize = 256;
/// Backticks that are read as one run.
pub const MODEL_BACKTICKS: usize = 16;

//! Limits of requests to language models: default times, depths and sizes, each with its unit and its reason.
//! Rule: no other file of this crate holds a number of this kind; the defaults of settings are taken from here.

use std::time::Duration;

pub use modehost_limits::{BREAKER_OPEN, JSON_DEPTH, TOOL_NAME_BYTES};

// --- Purposes and tools --------------------------------------------------------------------------

/// Number of purposes beside the configured ones that metrics and log lines name: modes choose them, and labels must be
/// few.
pub const MODEL_PURPOSES: usize = 32;
/// Longest name of such a purpose, in bytes.
pub const MODEL_PURPOSE_BYTES: usize = 32;
/// Longest tool name that model services accept, in bytes.
pub const MODEL_TOOL_NAME_BYTES: usize = 64;

// --- Language models -----------------------------------------------------------------------------

/// Total time of one question: queueing, attempts, backoff and the answer. 800 tokens at 30 a second take 27 s.
pub const MODEL_TIMEOUT: Duration = Duration::from_secs(60);
/// From sending a request to the first token of a streamed answer.
pub const MODEL_FIRST_TOKEN: Duration = Duration::from_secs(20);
/// Between two tokens of a streamed answer, unless the timeout of the first one is lower.
pub const MODEL_TOKEN_GAP: Duration = Duration::from_secs(20);
/// How long a stream with a complete answer may take to report its usage and end.
pub const MODEL_TAIL: Duration = Duration::from_secs(2);
/// How long a stream may take to end after `[DONE]`, so that its connection can be reused.
pub const MODEL_DRAIN: Duration = Duration::from_millis(50);
/// Connecting to a provider, including TLS.
pub const MODEL_CONNECT: Duration = Duration::from_secs(5);
/// Concurrent questions per alias. Hosted providers accept hundreds, a local one a few.
pub const MODEL_CONCURRENT: usize = 32;
/// Length of the wait queue of an alias.
pub const MODEL_WAITING: usize = 512;
/// Longest time in the wait queue.
pub const MODEL_QUEUE: Duration = Duration::from_secs(20);
/// Retries after a transient failure.
pub const MODEL_RETRIES: u32 = 2;
/// Backoff before the second attempt, doubling; jitter adds up to as much again.
pub const MODEL_BACKOFF: Duration = Duration::from_millis(250);
/// Longest backoff, unless the provider asks for a longer wait.
pub const MODEL_BACKOFF_MAX: Duration = Duration::from_secs(8);
/// How long an idle connection to a provider is kept; most providers close it after a minute.
pub const MODEL_IDLE: Duration = Duration::from_secs(30);
/// Keepalive interval of silent connections to a provider.
pub const MODEL_KEEPALIVE: Duration = Duration::from_secs(15);
/// Text and tool calls of one answer, in bytes. 8,000 tokens have about 32 KiB.
pub const MODEL_ANSWER_BYTES: usize = 256 * 1024;
/// Everything that a provider sends for one answer, in bytes: a token has about 250 bytes of framing, and reasoning is
/// added.
pub const MODEL_BODY_BYTES: usize = 16 * 1024 * 1024;
/// One event of a streamed answer, in bytes; some providers send the whole answer in one.
pub const MODEL_EVENT_BYTES: usize = 1024 * 1024;
/// How much of a provider's error body is read, in bytes.
pub const MODEL_ERROR_BYTES: usize = 16 * 1024;
/// Tool calls of one answer.
pub const MODEL_TOOL_CALLS: usize = 64;
/// Parts of an answer that are queued for their session.
pub const MODEL_PARTS: usize = 32;
/// Changes of one request after rejections, each for another reason. More than two are rarely needed.
pub const MODEL_REMEDIES: u32 = 4;
/// How often the oldest turns of one question are dropped since it is too long. Each time drops half of them.
pub const MODEL_SHORTENINGS: u32 = 6;
/// How long it is remembered what a model rejects, and how it answers: services change overnight.
pub const MODEL_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
/// The same for guesses: something else may have helped.
pub const MODEL_GUESS_MEMORY: Duration = Duration::from_secs(10 * 60);
/// Permanent failures in a row that open the circuit breaker of a model: a turn asks up to three questions, so one
/// failure does not distinguish a provider restart from a misconfiguration.
pub const MODEL_BREAKER_FAILURES: u32 = 5;
/// Remembered models, beside those of the configuration.
pub const MODEL_MEMORY_MODELS: usize = 64;
/// Remembered remedies per model.
pub const MODEL_MEMORY_REMEDIES: usize = 32;
/// Tokens for reasoning, as a multiple of those for the answer. Reasoning models use about 5 to 10 times as many as for
/// a spoken answer.
pub const MODEL_REASONING_FACTOR: u32 = 8;
/// Minimum of tokens for reasoning.
pub const MODEL_REASONING_TOKENS_MIN: u32 = 4096;
/// Maximum of tokens for reasoning: at 100 tokens a second nobody waits longer.
pub const MODEL_REASONING_TOKENS_MAX: u32 = 16_384;
/// Text that is withheld until it is known whether it is reasoning, in bytes; a spoken answer has a few hundred bytes,
/// a written one a few thousand.
pub const MODEL_WITHHELD_BYTES: usize = 64 * 1024;
/// A tool call that a model has written into its text, in bytes; arguments are short.
pub const MODEL_CALL_BYTES: usize = 32 * 1024;
/// Whitespace before an answer that is kept, in bytes.
pub const MODEL_BLANKS_BYTES: usize = 256;
/// Longest run of backticks.
pub const MODEL_BACKTICKS: usize = 16;

//! Scripted replies of the provider. Rule: a reply is a value that can be sent any number of times.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use crate::RecordedRequest;

/// A reply, valid or faulty, with its timing.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) reasoning: Option<String>,
    pub(crate) usage: Option<(u32, u32)>,
    pub(crate) behaviour: Behaviour,
}

/// Timing and faults of a reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behaviour {
    /// Delay before the first byte.
    pub after: Duration,
    /// Delay before each chunk but the first.
    pub between: Duration,
    /// Number of chunks after which the socket is closed.
    pub cut_after: Option<usize>,
    pub never: bool,
    /// Blocks before the first byte.
    pub gate: Option<Gate>,
    /// Blocks after this many chunks; the head has been sent by then.
    pub gate_after: Option<(usize, Gate)>,
}

#[derive(Clone)]
pub(crate) enum Content {
    Pieces(Vec<String>),
    /// The same chunk until the client disconnects.
    Endless(String),
    /// Names and arguments.
    ToolCalls(Vec<(String, String)>),
    /// Raw chunks, and the content type, if any.
    Raw(Vec<Bytes>, Option<String>),
    Error,
    Garbled,
    With(Arc<dyn Fn(&RecordedRequest) -> Reply + Send + Sync>),
}

impl Reply {
    fn of(content: Content) -> Self {
        Self { content, status: 200, retry_after: None, reasoning: None, usage: None, behaviour: Behaviour::default() }
    }

    /// A text; as one chunk if it is streamed.
    pub fn text(text: &str) -> Self {
        Self::chunks(&[text])
    }

    /// Several texts: one chunk each if streamed, else joined.
    pub fn chunks(pieces: &[&str]) -> Self {
        Self::of(Content::Pieces(pieces.iter().map(|piece| (*piece).to_owned()).collect()))
    }

    /// A text repeated until the client disconnects. Only if it is streamed, else a thousand times.
    pub fn endless(piece: &str) -> Self {
        Self::of(Content::Endless(piece.to_owned()))
    }

    /// A tool call.
    pub fn tool_call(name: &str, arguments_json: &str) -> Self {
        Self::tool_calls(&[(name, arguments_json)])
    }

    /// Several tool calls. Streamed, their arguments come in two interleaved halves.
    pub fn tool_calls(calls: &[(&str, &str)]) -> Self {
        let owned = calls.iter().map(|(name, arguments)| ((*name).to_owned(), (*arguments).to_owned()));
        Self::of(Content::ToolCalls(owned.collect()))
    }

    /// An error status with its JSON body. Its message repeats the question, as some providers do, so that tests see
    /// whether that is logged.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::of(Content::Error) }
    }

    /// A raw body, with status 200 and the content type of JSON.
    pub fn raw(body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some("application/json"))
    }

    /// A raw body, with status 200 and any content type.
    pub fn raw_as(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some(content_type))
    }

    /// A raw body, with status 200, as an event stream.
    pub fn raw_events(body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some("text/event-stream"))
    }

    /// A raw body in these chunks, with status 200; with any content type, or with none.
    pub fn raw_pieces<B: Into<Bytes>>(pieces: impl IntoIterator<Item = B>, content_type: Option<&str>) -> Self {
        Self::of(Content::Raw(pieces.into_iter().map(Into::into).collect(), content_type.map(str::to_owned)))
    }

    /// An error with this message, in OpenAI's format.
    pub fn api_error(status: u16, message: &str) -> Self {
        let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": null });
        Self::raw(json!({ "error": error }).to_string()).with_status(status)
    }

    /// Overrides the status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Computes the reply from the request. The modifiers of the computed reply count, those of this value do not.
    pub fn with(answer: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(Content::With(Arc::new(answer)))
    }

    /// Delays the first byte.
    pub fn delayed_by(mut self, delay: Duration) -> Self {
        self.behaviour.after = delay;
        self
    }

    /// Delays each further chunk of a stream.
    pub fn between_chunks(mut self, delay: Duration) -> Self {
        self.behaviour.between = delay;
        self
    }

    /// Closes the socket after this many chunks; with 0 after the head.
    pub fn cut_after(mut self, pieces: usize) -> Self {
        self.behaviour.cut_after = Some(pieces);
        self
    }

    /// Adds the header `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Replaces the body by bytes that are neither JSON nor events nor UTF-8.
    pub fn garbled(mut self) -> Self {
        self.content = Content::Garbled;
        self
    }

    /// Accepts the request and never answers.
    pub fn never(mut self) -> Self {
        self.behaviour.never = true;
        self
    }

    /// Blocks before the first byte until the test opens the gate.
    pub fn until_open(mut self, gate: &Gate) -> Self {
        self.behaviour.gate = Some(gate.clone());
        self
    }

    /// Blocks after this many chunks until the test opens the gate; with 0 after the head.
    pub fn until_open_after(mut self, pieces: usize, gate: &Gate) -> Self {
        self.behaviour.gate_after = Some((pieces, gate.clone()));
        self
    }

    /// Adds the model's reasoning as `reasoning_content`.
    pub fn reasoning(mut self, text: &str) -> Self {
        self.reasoning = Some(text.to_owned());
        self
    }

    /// Adds the token usage of prompt and answer, which is left out otherwise.
    pub fn usage(mut self, prompt: u32, answer: u32) -> Self {
        self.usage = Some((prompt, answer));
        self
    }

    /// Replaces a computed reply by its value for this request.
    pub(crate) fn resolve(self, asked: &RecordedRequest) -> Self {
        match &self.content {
            Content::With(answer) => answer(asked).resolve(asked),
            _ => self,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pieces(_) => "Pieces",
            Self::Endless(_) => "Endless",
            Self::ToolCalls(_) => "ToolCalls",
            Self::Raw(..) => "Raw",
            Self::Error => "Error",
            Self::Garbled => "Garbled",
            Self::With(_) => "With",
        })
    }
}

/// Blocks replies until the test opens it. Clones share one state.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub(crate) async fn wait_open(&self) {
        // The sender lives as long as this gate, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

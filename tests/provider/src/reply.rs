//! What a test can have the provider answer. Rule: a reply is a value; the same one can be given
//! any number of times.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use crate::Asked;

/// An answer, good or bad, with the manner in which it is given.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) reasoning: Option<String>,
    pub(crate) usage: Option<(u32, u32)>,
    pub(crate) manner: Manner,
}

/// How an answer is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// Before the first byte.
    pub after: Duration,
    /// Before each piece but the first.
    pub between: Duration,
    /// Pieces after which the socket is closed.
    pub cut_after: Option<usize>,
    pub never: bool,
    /// Held before the first byte.
    pub gate: Option<Gate>,
    /// Held after so many pieces; the head has been sent by then.
    pub gate_after: Option<(usize, Gate)>,
}

#[derive(Clone)]
pub(crate) enum Content {
    Pieces(Vec<String>),
    /// The same piece until the caller has had enough.
    Endless(String),
    /// Name and arguments.
    ToolCalls(Vec<(String, String)>),
    /// Piece by piece, with a content type or without.
    Raw(Vec<Bytes>, Option<String>),
    Error,
    Garbled,
    With(Arc<dyn Fn(&Asked) -> Reply + Send + Sync>),
}

impl Reply {
    fn of(content: Content) -> Self {
        Self { content, status: 200, retry_after: None, reasoning: None, usage: None, manner: Manner::default() }
    }

    /// This text; as one piece where it is streamed.
    pub fn text(text: &str) -> Self {
        Self::chunks(&[text])
    }

    /// These texts; one by one where they are streamed, joined where not.
    pub fn chunks(pieces: &[&str]) -> Self {
        Self::of(Content::Pieces(pieces.iter().map(|piece| (*piece).to_owned()).collect()))
    }

    /// This text again and again, for as long as the caller listens. Only where it is streamed;
    /// else a thousand times.
    pub fn endless(piece: &str) -> Self {
        Self::of(Content::Endless(piece.to_owned()))
    }

    /// The wish to have a tool called.
    pub fn tool_call(name: &str, arguments_json: &str) -> Self {
        Self::tool_calls(&[(name, arguments_json)])
    }

    /// The wish to have several tools called. Streamed, their arguments come in halves, in turns.
    pub fn tool_calls(calls: &[(&str, &str)]) -> Self {
        let owned = calls.iter().map(|(name, arguments)| ((*name).to_owned(), (*arguments).to_owned()));
        Self::of(Content::ToolCalls(owned.collect()))
    }

    /// An error with its JSON. Its message repeats what was asked, as some providers do, so that a
    /// test sees whether that gets into a log.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::of(Content::Error) }
    }

    /// Any body, with status 200 and as JSON.
    pub fn raw(body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some("application/json"))
    }

    /// Any body, with status 200 and of any content type.
    pub fn raw_as(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some(content_type))
    }

    /// Any body, with status 200 and as a stream of events.
    pub fn raw_events(body: impl Into<Bytes>) -> Self {
        Self::raw_pieces([body], Some("text/event-stream"))
    }

    /// Any body in these pieces, with status 200; with any content type, or with none.
    pub fn raw_pieces<B: Into<Bytes>>(pieces: impl IntoIterator<Item = B>, content_type: Option<&str>) -> Self {
        Self::of(Content::Raw(pieces.into_iter().map(Into::into).collect(), content_type.map(str::to_owned)))
    }

    /// A refusal with these words, in the shape that OpenAI's have.
    pub fn refusal(status: u16, message: &str) -> Self {
        let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": null });
        Self::raw(json!({ "error": error }).to_string()).and_status(status)
    }

    /// With another status than its own.
    pub fn and_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Whatever the function makes of the request. Its own modifiers count, those of this value do not.
    pub fn with(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(Content::With(Arc::new(answer)))
    }

    /// Waits before the first byte.
    pub fn after(mut self, delay: Duration) -> Self {
        self.manner.after = delay;
        self
    }

    /// Waits between the pieces of a stream.
    pub fn between_chunks(mut self, delay: Duration) -> Self {
        self.manner.between = delay;
        self
    }

    /// Closes the socket after so many pieces; with 0 after the head.
    pub fn cut_after(mut self, pieces: usize) -> Self {
        self.manner.cut_after = Some(pieces);
        self
    }

    /// The header `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Bytes that are neither JSON nor events nor UTF-8.
    pub fn garbled(mut self) -> Self {
        self.content = Content::Garbled;
        self
    }

    /// Takes the request and never answers.
    pub fn never(mut self) -> Self {
        self.manner.never = true;
        self
    }

    /// Waits before the first byte until the test opens the gate.
    pub fn until(mut self, gate: &Gate) -> Self {
        self.manner.gate = Some(gate.clone());
        self
    }

    /// Waits after so many pieces until the test opens the gate; with 0 after the head.
    pub fn until_after(mut self, pieces: usize, gate: &Gate) -> Self {
        self.manner.gate_after = Some((pieces, gate.clone()));
        self
    }

    /// What the model thinks before it answers, as `reasoning_content`.
    pub fn reasoning(mut self, text: &str) -> Self {
        self.reasoning = Some(text.to_owned());
        self
    }

    /// Tokens of the question and of the answer. Without it nothing is said of usage.
    pub fn usage(mut self, prompt: u32, answer: u32) -> Self {
        self.usage = Some((prompt, answer));
        self
    }

    /// Puts what the function makes of the request in place of the function.
    pub(crate) fn settle(self, asked: &Asked) -> Self {
        match &self.content {
            Content::With(answer) => answer(asked).settle(asked),
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

/// Holds replies back until the test opens it. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A gate that is shut.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub(crate) async fn pass(&self) {
        // The sender lives as long as this gate, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

//! Endpointing as one state machine (A.1, A.2): `Idle → Listening → Finalizing → Idle`. Rule: the effect of an input
//! depends on the state and the endpointing source only; time is passed in. The transition table is
//! [`Endpointer::apply`]; the tests cover all of it.
//!
//! The endpointing source decides where an utterance begins and ends:
//! - The device, from `listen start` in manual mode or `listen stop` in any mode; otherwise the VAD.
//! - A device that has ever sent `stop` is trusted to send it: an open utterance ends with `stop`, or when its
//!   packets cease. For other devices a longer end silence closes a press as well (A.10).
//! - The device stops being the source when it sends no endpoint for a while, so a lost `stop` does no harm.
//! - Endpoints that follow each other too closely are a bouncing button: they are ignored, and the VAD is the source
//!   until the device sends another endpoint, so no speech is lost. The same holds where the recogniser fails in an
//!   open utterance: the rest of the press is recognised.
//! - When the VAD becomes the source, its current state is reviewed, since it reports each onset and end once.
//! - A closed connection closes the open utterance and leaves the source as it is.

use std::time::Duration;

use crate::limits;
use modehost_protocol::ListenMode;
use tokio::time::Instant;

/// State of endpointing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No utterance.
    Idle,
    /// An utterance is open.
    Listening,
    /// No utterance is open; a transcript is pending.
    Finalizing,
}

/// Who decides where an utterance begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointSource {
    /// The VAD.
    Vad,
    /// `listen start` and `listen stop` of the device.
    Device,
}

/// Inputs of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// `listen start`.
    Start(ListenMode),
    /// `listen stop`.
    Stop,
    /// An endpoint of the device too soon after the opposite one.
    Bounce,
    /// The device has sent no endpoint for too long.
    SourceExpired,
    /// The VAD reports an onset.
    VoiceBegan,
    /// The VAD reports end silence.
    VoiceEnded,
    /// End silence in an utterance without voice.
    Unvoiced,
    /// The utterance has reached the maximum length.
    TooLong,
    /// The recogniser failed before the end of the utterance.
    RecogniserFailed,
    /// The connection is closed.
    Disconnected,
    /// The oldest closed utterance has its outcome.
    Resolved,
    /// All utterances are dropped.
    Reset,
}

/// Steps for the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The input changes nothing.
    Nothing,
    /// Open an utterance.
    Open,
    /// Close the utterance; its transcript is pending.
    Close,
    /// Close the utterance and open the next one without a gap.
    Split,
    /// Drop the open utterance.
    Discard,
    /// Drop all utterances.
    Reset,
    /// The VAD becomes the source: apply its current state (`VoiceEnded` or `Unvoiced` for an open utterance,
    /// `VoiceBegan` where none is open).
    Review,
}

/// The endpointing of one session.
#[derive(Debug)]
pub struct Endpointer {
    open: bool,
    pending: usize,
    source: EndpointSource,
    mode: Option<ListenMode>,
    /// The device has sent `listen stop`, now or in an earlier session.
    trusted: bool,
    /// The last endpoint of the device: its time, and whether it was a start.
    last_endpoint: Option<(Instant, bool)>,
}

impl Default for Endpointer {
    fn default() -> Self {
        Self { open: false, pending: 0, source: EndpointSource::Vad, mode: None, trusted: false, last_endpoint: None }
    }
}

impl Endpointer {
    /// The state.
    pub fn state(&self) -> State {
        match (self.open, self.pending) {
            (true, _) => State::Listening,
            (false, 0) => State::Idle,
            (false, _) => State::Finalizing,
        }
    }

    /// Who decides where an utterance begins and ends.
    pub fn source(&self) -> EndpointSource {
        self.source
    }

    /// The listen mode of the device; none before its first `listen start`.
    pub fn mode(&self) -> Option<ListenMode> {
        self.mode
    }

    /// Whether the device is known to send `listen stop`.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// The device is known to send `listen stop`.
    pub fn trust(&mut self) {
        self.trusted = true;
    }

    /// Applies an endpoint of the device. A repeated endpoint is no bounce: some clients repeat them.
    pub fn device_endpoint(&mut self, start: Option<ListenMode>, now: Instant) -> Step {
        let is_start = start.is_some();
        let bounced = self.last_endpoint.is_some_and(|(at, was_start)| {
            was_start != is_start && now.saturating_duration_since(at) < limits::ENDPOINT_DEBOUNCE
        });
        self.last_endpoint = Some((now, is_start));
        match start {
            Some(mode) => self.mode = Some(mode),
            None => self.trusted = true,
        }
        if bounced {
            return self.apply(Input::Bounce);
        }
        self.apply(start.map_or(Input::Stop, Input::Start))
    }

    /// When the device stops being the source, if it is. A trusted device stays the source while its packets keep
    /// coming, the last of them at `last_packet`.
    pub fn source_expires_at(&self, fallback: Duration, last_packet: Instant) -> Option<Instant> {
        let (at, _) = self.last_endpoint.filter(|_| self.source == EndpointSource::Device)?;
        let since = if self.open && self.trusted { at.max(last_packet) } else { at };
        Some(since + fallback)
    }

    /// Applies an input: the transition table.
    pub fn apply(&mut self, input: Input) -> Step {
        let (source, step) = match (self.open, self.source, input) {
            (_, _, Input::Reset) => (self.source, Step::Reset),
            (_, source, Input::Resolved) => (source, Step::Nothing),
            (false, _, Input::Start(ListenMode::Manual)) => (EndpointSource::Device, Step::Open),
            (true, _, Input::Start(ListenMode::Manual)) => (EndpointSource::Device, Step::Nothing),
            (true, EndpointSource::Device, Input::Start(ListenMode::Auto | ListenMode::Realtime)) => {
                (EndpointSource::Vad, Step::Review)
            }
            (_, _, Input::Start(ListenMode::Auto | ListenMode::Realtime)) => (EndpointSource::Vad, Step::Nothing),
            (false, _, Input::Stop) => (EndpointSource::Device, Step::Nothing),
            (true, _, Input::Stop) => (EndpointSource::Device, Step::Close),
            (false, _, Input::Bounce) => (EndpointSource::Vad, Step::Nothing),
            (true, _, Input::Bounce) | (_, _, Input::SourceExpired) => (EndpointSource::Vad, Step::Review),
            (false, EndpointSource::Vad, Input::VoiceBegan) => (EndpointSource::Vad, Step::Open),
            (true, EndpointSource::Vad, Input::VoiceEnded) => (EndpointSource::Vad, Step::Close),
            (true, EndpointSource::Device, Input::VoiceEnded) if !self.trusted => (EndpointSource::Vad, Step::Close),
            (true, EndpointSource::Vad, Input::Unvoiced) => (EndpointSource::Vad, Step::Discard),
            (true, source, Input::TooLong) => (source, Step::Split),
            (true, _, Input::RecogniserFailed) => (EndpointSource::Vad, Step::Discard),
            (true, source, Input::Disconnected) => (source, Step::Close),
            (_, source, Input::VoiceBegan | Input::VoiceEnded | Input::Unvoiced) => (source, Step::Nothing),
            (false, source, Input::TooLong | Input::RecogniserFailed | Input::Disconnected) => (source, Step::Nothing),
        };
        self.source = source;
        match step {
            Step::Open => self.open = true,
            Step::Close => {
                self.open = false;
                self.pending += 1;
            }
            Step::Split => self.pending += 1,
            Step::Discard => self.open = false,
            Step::Reset => (self.open, self.pending) = (false, 0),
            Step::Nothing | Step::Review => {}
        }
        if input == Input::Resolved {
            self.pending = self.pending.saturating_sub(1);
        }
        step
    }
}

#[cfg(test)]
mod tests;

//! Dialogue boundaries (C.16): output and input from before one are not used after it. Rule: one table says for
//! each boundary what becomes of everything in progress; connection and session both follow it, and a test checks every
//! cell.
//!
//! Background work is in no column: summaries, insights, relays, writes and webhooks always finish. The end of a mode
//! drops utterances that are still being recognised for it, even if it records: from then on nothing more belongs to it
//! (M.4).

use std::time::Duration;

use crate::limits;
use modehost_protocol::{DeviceMessage, Listen, ListenMode, ListenState};
use tokio::time::Instant;

/// An action of the user, or an event of their connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// `listen` `detect`: a wake word or typed text.
    Detect,
    /// `listen` `start` after a pause: a button has been pressed.
    Press,
    /// `listen` `stop` of a press in which nothing was said.
    SilentPress,
    Abort,
    /// The device has closed its connection: how a user ends a dialogue.
    HangUp,
    /// Another connection of the device has replaced this one.
    TakenOver,
    /// The user has started or ended a mode.
    ModeChange,
    /// The connection was lost. Not an action of the user: everything continues.
    Loss,
}

/// What becomes of something in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Continues,
    Dropped,
    /// It continues for the mode that records, and for nothing else.
    Recorded,
}

/// What becomes of everything in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fates {
    /// The utterance that the user is speaking.
    pub open_utterance: Fate,
    /// Utterances whose text is pending.
    pub settling_utterances: Fate,
    /// Questions to the model whose answers would be spoken.
    pub spoken_questions: Fate,
    /// Sentences that have not been played.
    pub unsaid_sentences: Fate,
}

impl Boundary {
    /// All variants.
    #[cfg(test)]
    const ALL: [Self; 8] = [
        Self::Detect,
        Self::Press,
        Self::SilentPress,
        Self::Abort,
        Self::HangUp,
        Self::TakenOver,
        Self::ModeChange,
        Self::Loss,
    ];

    /// The table. `records`: the running mode records what is said (exclusive voice, not the default mode).
    pub(crate) fn fates(self, records: bool) -> Fates {
        use Fate::{Continues, Dropped, Recorded};
        let recorded = if records { Recorded } else { Dropped };
        let [open_utterance, settling_utterances, spoken_questions, unsaid_sentences] = match self {
            // The audio right before it is the wake word itself.
            Self::Detect => [Dropped, recorded, Dropped, Dropped],
            Self::Press => [recorded, recorded, Dropped, Dropped],
            Self::SilentPress => [Dropped, recorded, Dropped, Dropped],
            Self::Abort => [recorded, recorded, Dropped, Dropped],
            Self::HangUp => [recorded, recorded, Dropped, Dropped],
            Self::TakenOver => [recorded, recorded, Dropped, Dropped],
            Self::ModeChange => [Dropped, Dropped, Dropped, Dropped],
            Self::Loss => [Continues, Continues, Continues, Continues],
        };
        Fates { open_utterance, settling_utterances, spoken_questions, unsaid_sentences }
    }

    /// The abort reason for modes, where the device gives none itself.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Detect => "wake_word_detected",
            Self::Press => "listen_start",
            Self::SilentPress => "silent_press",
            Self::Abort => "",
            Self::HangUp => "hang_up",
            Self::TakenOver => "taken_over",
            Self::ModeChange => "mode_change",
            Self::Loss => "connection_lost",
        }
    }
}

/// Detects boundaries in the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    listen: Option<(Instant, LastListen)>,
}

/// The last `listen` state of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastListen {
    Started(ListenMode),
    Stopped,
}

impl Boundaries {
    /// The boundary that a message is, if it is one. `now`: when it arrived.
    pub(crate) fn detect(&mut self, message: &DeviceMessage, now: Instant) -> Option<Boundary> {
        let listen = match message {
            DeviceMessage::Abort { .. } => return Some(Boundary::Abort),
            DeviceMessage::Listen(listen) => listen,
            _ => return None,
        };
        match *listen {
            Listen { state: ListenState::Detect, .. } => Some(Boundary::Detect),
            Listen { state: ListenState::Stop, .. } => {
                self.listen = Some((now, LastListen::Stopped));
                None
            }
            Listen { state: ListenState::Start, mode, .. } => {
                let mode = mode.unwrap_or(ListenMode::Auto);
                let before = self.listen.replace((now, LastListen::Started(mode)));
                let is_press = match before {
                    // A bouncing button.
                    Some((at, LastListen::Stopped)) if now.saturating_duration_since(at) < BOUNCE => false,
                    Some((_, LastListen::Stopped)) => true,
                    // Firmware starts listening by itself: after a wake word, and after each answer.
                    _ if mode != ListenMode::Manual => false,
                    Some((_, LastListen::Started(ListenMode::Manual))) => false,
                    _ => true,
                };
                is_press.then_some(Boundary::Press)
            }
        }
    }
}

/// The same as for the audio input.
const BOUNCE: Duration = limits::ENDPOINT_DEBOUNCE;

#[cfg(test)]
mod tests {
    use super::Fate::{Continues, Dropped, Recorded};
    use super::*;

    #[test]
    fn c16_the_table_whole() {
        for boundary in Boundary::ALL {
            for records in [false, true] {
                let recorded = if records { Recorded } else { Dropped };
                let expected = match boundary {
                    Boundary::Detect | Boundary::SilentPress => [Dropped, recorded, Dropped, Dropped],
                    Boundary::Press | Boundary::Abort | Boundary::HangUp | Boundary::TakenOver => {
                        [recorded, recorded, Dropped, Dropped]
                    }
                    Boundary::ModeChange => [Dropped; 4],
                    Boundary::Loss => [Continues; 4],
                };
                let found = boundary.fates(records);
                let found =
                    [found.open_utterance, found.settling_utterances, found.spoken_questions, found.unsaid_sentences];
                assert_eq!(found, expected, "{boundary:?}, records: {records}");
            }
        }
    }

    fn listen(state: ListenState, mode: Option<ListenMode>) -> DeviceMessage {
        DeviceMessage::Listen(Listen { state, mode, text: None })
    }

    #[test]
    fn c16_which_messages_are_boundaries() {
        use ListenMode::{Auto, Manual, Realtime};
        use ListenState::{Detect, Start, Stop};
        let (mut boundaries, mut now) = (Boundaries::default(), Instant::now());
        let mut find = |message: &DeviceMessage, apart: u64| {
            now += Duration::from_millis(apart);
            boundaries.detect(message, now)
        };
        let start = |mode| listen(Start, Some(mode));
        let stop = listen(Stop, None);
        // A wake word and the start that follows it; after the answer the device listens by itself.
        assert_eq!(find(&listen(Detect, None), 0), Some(Boundary::Detect));
        assert_eq!(find(&start(Auto), 1), None);
        assert_eq!(find(&start(Auto), 5000), None);
        assert_eq!(find(&start(Realtime), 5000), None);
        // A button, held, released and pressed again; repeated, and bouncing.
        assert_eq!(find(&start(Manual), 1000), Some(Boundary::Press));
        assert_eq!(find(&start(Manual), 1000), None);
        assert_eq!(find(&stop, 1000), None);
        assert_eq!(find(&start(Manual), 299), None);
        assert_eq!(find(&stop, 1000), None);
        assert_eq!(find(&start(Manual), 300), Some(Boundary::Press));
        assert_eq!(find(&stop, 1000), None);
        assert_eq!(find(&start(Auto), 400), Some(Boundary::Press), "after a pause");
        assert_eq!(find(&DeviceMessage::Abort { reason: String::new() }, 1), Some(Boundary::Abort));
        assert_eq!(find(&start(Auto), 1), None);
    }
}

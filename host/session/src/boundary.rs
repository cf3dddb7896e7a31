//! Boundaries of the person (C.16): what came before one is not used after it. Rule: one table says what
//! becomes of everything that is under way, for each boundary; connection and session both go by it, and a
//! test walks it whole.
//!
//! What is work and not talk is in no column: summaries, insights, relays, writes and webhooks always
//! finish. The end of a mode drops what is still being recognised for it, also where it records: from that
//! moment on nothing more belongs to it (M.4).

use std::time::Duration;

use crate::limits;
use modehost_protocol::{DeviceMessage, Listen, ListenMode, ListenState};
use tokio::time::Instant;

/// Something that a person has done, or that has befallen their connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// `listen` `detect`: a wake word, or words that were typed.
    Detect,
    /// `listen` `start` after a pause: a button has been pressed.
    Press,
    /// `listen` `stop`, and nothing had been said.
    SilentPress,
    Abort,
    /// The device has closed its connection: how a talk is ended by hand.
    HangUp,
    /// Another connection of the device has taken the place of the one before.
    TakenOver,
    /// A mode has begun or ended by the person's wish.
    ModeChange,
    /// The connection was lost. No boundary of a person: all goes on.
    Loss,
}

/// What becomes of something that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    GoesOn,
    Dropped,
    /// It goes on for the mode that records, and for nobody else.
    Recorded,
}

/// What becomes of everything that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fates {
    /// The utterance that the device is making.
    pub open_utterance: Fate,
    /// Utterances whose text is awaited.
    pub settling_utterances: Fate,
    /// Questions to the model whose answers would be spoken.
    pub spoken_questions: Fate,
    /// Sentences that have not been heard.
    pub unsaid_sentences: Fate,
}

impl Boundary {
    /// Every one.
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

    /// The table. `records`: the mode that runs keeps what is said (exclusive voice, not the default mode).
    pub(crate) fn fates(self, records: bool) -> Fates {
        use Fate::{Dropped, GoesOn, Recorded};
        let heard = if records { Recorded } else { Dropped };
        let [open_utterance, settling_utterances, spoken_questions, unsaid_sentences] = match self {
            // What came right before is the wake word's, whatever the word.
            Self::Detect => [Dropped, heard, Dropped, Dropped],
            Self::Press => [heard, heard, Dropped, Dropped],
            Self::SilentPress => [Dropped, heard, Dropped, Dropped],
            Self::Abort => [heard, heard, Dropped, Dropped],
            Self::HangUp => [heard, heard, Dropped, Dropped],
            Self::TakenOver => [heard, heard, Dropped, Dropped],
            Self::ModeChange => [Dropped, Dropped, Dropped, Dropped],
            Self::Loss => [GoesOn, GoesOn, GoesOn, GoesOn],
        };
        Fates { open_utterance, settling_utterances, spoken_questions, unsaid_sentences }
    }

    /// What modes are told of it, where the device has not said it itself.
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

/// Finds the boundaries in the messages of one connection.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    listen: Option<(Instant, Last)>,
}

/// What the device last said of its listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Started(ListenMode),
    Stopped,
}

impl Boundaries {
    /// The boundary that a message is, if it is one. `now` is when it came.
    pub(crate) fn find(&mut self, message: &DeviceMessage, now: Instant) -> Option<Boundary> {
        let listen = match message {
            DeviceMessage::Abort { .. } => return Some(Boundary::Abort),
            DeviceMessage::Listen(listen) => listen,
            _ => return None,
        };
        match *listen {
            Listen { state: ListenState::Detect, .. } => Some(Boundary::Detect),
            Listen { state: ListenState::Stop, .. } => {
                self.listen = Some((now, Last::Stopped));
                None
            }
            Listen { state: ListenState::Start, mode, .. } => {
                let mode = mode.unwrap_or(ListenMode::Auto);
                let before = self.listen.replace((now, Last::Started(mode)));
                let is_press = match before {
                    // A button that bounces.
                    Some((at, Last::Stopped)) if now.saturating_duration_since(at) < BOUNCE => false,
                    Some((_, Last::Stopped)) => true,
                    // Firmware begins to listen by itself: when it has been woken, and after each answer.
                    _ if mode != ListenMode::Manual => false,
                    Some((_, Last::Started(ListenMode::Manual))) => false,
                    _ => true,
                };
                is_press.then_some(Boundary::Press)
            }
        }
    }
}

/// As for the audio input.
const BOUNCE: Duration = limits::BOUNCE;

#[cfg(test)]
mod tests {
    use super::Fate::{Dropped, GoesOn, Recorded};
    use super::*;

    #[test]
    fn c16_the_table_whole() {
        for boundary in Boundary::ALL {
            for records in [false, true] {
                let heard = if records { Recorded } else { Dropped };
                let expected = match boundary {
                    Boundary::Detect | Boundary::SilentPress => [Dropped, heard, Dropped, Dropped],
                    Boundary::Press | Boundary::Abort | Boundary::HangUp | Boundary::TakenOver => {
                        [heard, heard, Dropped, Dropped]
                    }
                    Boundary::ModeChange => [Dropped; 4],
                    Boundary::Loss => [GoesOn; 4],
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
            boundaries.find(message, now)
        };
        let start = |mode| listen(Start, Some(mode));
        let stop = listen(Stop, None);
        // Woken: the word, then the start that goes with it; after the answer it listens by itself.
        assert_eq!(find(&listen(Detect, None), 0), Some(Boundary::Detect));
        assert_eq!(find(&start(Auto), 1), None);
        assert_eq!(find(&start(Auto), 5000), None);
        assert_eq!(find(&start(Realtime), 5000), None);
        // A button, held and let go, and pressed again; repeated, and bouncing.
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

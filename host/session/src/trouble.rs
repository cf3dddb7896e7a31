//! Faults that a person notices (C.19). Rule: told at the turn that is spoilt, in the person's language, in a message
//! that stock firmware shows; at most once an hour for each device and kind, to the person and to the operator.

use std::collections::HashMap;

use crate::limits;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::Language;

/// What is wrong, as a person notices it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// Sound comes and nobody recognises it.
    NoRecogniser,
    /// The recogniser fails.
    Recogniser,
    /// The voice fails: answers are shown only.
    Voice,
    /// Nothing takes what is said.
    NoMode,
    /// What takes it has failed on it.
    Mode,
    /// Something could not be kept.
    Storage,
}

/// The face that goes with an alert.
pub(crate) const FACE: &str = "sad";

impl Trouble {
    /// For the log.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoRecogniser => "no speech recogniser is configured",
            Self::Recogniser => "the speech recogniser fails",
            Self::Voice => "the voice fails",
            Self::NoMode => "no mode takes what is said",
            Self::Mode => "a mode has failed",
            Self::Storage => "something could not be stored",
        }
    }

    /// Heading and sentence.
    pub(crate) fn words(self, language: Language) -> (&'static str, &'static str) {
        let chinese = match self {
            Self::NoRecogniser => ("听不懂", "服务器没有配置语音识别，请联系管理员。"),
            Self::Recogniser => ("没听清", "语音识别暂时不可用，请稍后再说一遍。"),
            Self::Voice => ("无法播报", "语音播报暂时不可用，回答会显示在屏幕上。"),
            Self::NoMode => ("无法回答", "服务器还没有能回答问题的功能，请联系管理员。"),
            Self::Mode => ("出错了", "刚才的话没有处理成功，请再说一遍。"),
            Self::Storage => ("没有保存", "刚才的内容没能保存，请稍后再试。"),
        };
        let english = match self {
            Self::NoRecogniser => {
                ("I cannot hear", "This server has no speech recognition; please tell its administrator.")
            }
            Self::Recogniser => ("Not understood", "Speech recognition does not work at the moment; please try later."),
            Self::Voice => ("No voice", "I cannot speak at the moment; answers are shown as text."),
            Self::NoMode => {
                ("No answer", "Nothing on this server answers questions yet; please tell its administrator.")
            }
            Self::Mode => ("Something failed", "What you said was not handled; please say it again."),
            Self::Storage => ("Not saved", "This could not be saved; please try again later."),
        };
        language.pick(chinese, english)
    }
}

/// Which devices have been told of what, and when. Outlives sessions.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<HashMap<(DeviceId, Trouble), Instant>>);

impl Told {
    /// True if the device is to be told now; then it counts as told. Where too many have been told within the
    /// hour to remember them all, some are told twice.
    pub(crate) fn is_due(&self, device: &DeviceId, trouble: Trouble, now: Instant) -> bool {
        let mut told = self.0.lock();
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < limits::TROUBLE_TOLD_AGAIN;
        let key = (device.clone(), trouble);
        if told.get(&key).is_some_and(is_recent) {
            return false;
        }
        if told.len() >= limits::TROUBLES_REMEMBERED {
            told.retain(|_, at| is_recent(at));
        }
        if told.len() < limits::TROUBLES_REMEMBERED {
            told.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c19_a_fault_is_told_once_an_hour_and_device_and_kind() {
        let (told, now) = (Told::default(), Instant::now());
        let (one, other) = (DeviceId::new("one"), DeviceId::new("other"));
        assert!(told.is_due(&one, Trouble::Voice, now));
        assert!(!told.is_due(&one, Trouble::Voice, now + limits::TROUBLE_TOLD_AGAIN / 2));
        assert!(told.is_due(&one, Trouble::Recogniser, now) && told.is_due(&other, Trouble::Voice, now));
        assert!(told.is_due(&one, Trouble::Voice, now + limits::TROUBLE_TOLD_AGAIN));
    }

    #[test]
    fn c19_what_is_remembered_is_bounded() {
        let (told, now) = (Told::default(), Instant::now());
        for device in 0..limits::TROUBLES_REMEMBERED + 10 {
            assert!(told.is_due(&DeviceId::new(format!("d{device}")), Trouble::Voice, now), "{device}");
        }
        assert_eq!(told.0.lock().len(), limits::TROUBLES_REMEMBERED);
        assert!(told.is_due(&DeviceId::new("late"), Trouble::Voice, now + limits::TROUBLE_TOLD_AGAIN));
        assert_eq!(told.0.lock().len(), 1, "those of the hour before are forgotten");
    }
}

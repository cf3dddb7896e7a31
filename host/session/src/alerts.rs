//! Alerts about faults that the user notices (C.19). Rule: sent in the turn that failed, in the user's language, in a
//! message that stock firmware shows; at most once an hour for each device and kind, to the user and to the operator.

use std::collections::HashMap;

use crate::limits;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::Language;

/// A fault as the user notices it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Alert {
    /// Audio arrives and no recogniser is configured.
    NoAsr,
    /// The recogniser fails.
    Asr,
    /// The synthesiser fails: answers are shown only.
    Tts,
    /// No mode takes transcripts.
    NoMode,
    /// The mode has failed on the transcript.
    Mode,
    /// Something could not be stored.
    Storage,
}

/// The emotion of an alert message.
pub(crate) const EMOTION: &str = "sad";

impl Alert {
    /// For the log.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoAsr => "no speech recogniser is configured",
            Self::Asr => "the speech recogniser fails",
            Self::Tts => "speech synthesis fails",
            Self::NoMode => "no mode receives transcripts",
            Self::Mode => "a mode has failed",
            Self::Storage => "something could not be stored",
        }
    }

    /// Title and message.
    pub(crate) fn text(self, language: Language) -> (&'static str, &'static str) {
        let chinese = match self {
            Self::NoAsr => ("听不懂", "服务器没有配置语音识别，请联系管理员。"),
            Self::Asr => ("没听清", "语音识别暂时不可用，请稍后再说一遍。"),
            Self::Tts => ("无法播报", "语音播报暂时不可用，回答会显示在屏幕上。"),
            Self::NoMode => ("无法回答", "服务器还没有能回答问题的功能，请联系管理员。"),
            Self::Mode => ("出错了", "刚才的话没有处理成功，请再说一遍。"),
            Self::Storage => ("没有保存", "刚才的内容没能保存，请稍后再试。"),
        };
        let english = match self {
            Self::NoAsr => ("I cannot hear", "This server has no speech recognition; please tell its administrator."),
            Self::Asr => ("Not understood", "Speech recognition does not work at the moment; please try later."),
            Self::Tts => ("No voice", "I cannot speak at the moment; answers are shown as text."),
            Self::NoMode => {
                ("No answer", "Nothing on this server answers questions yet; please tell its administrator.")
            }
            Self::Mode => ("Something failed", "What you said was not handled; please say it again."),
            Self::Storage => ("Not saved", "This could not be saved; please try again later."),
        };
        language.pick(chinese, english)
    }
}

/// A notice of an operator, as the device shows it.
pub fn notice(text: &str) -> String {
    modehost_protocol::reply::alert("", text, NOTICE_EMOTION)
}

/// The face that goes with a notice.
const NOTICE_EMOTION: &str = "neutral";

/// When each device was last alerted to each fault. Outlives sessions.
#[derive(Debug, Default)]
pub(crate) struct AlertThrottle(Mutex<HashMap<(DeviceId, Alert), Instant>>);

impl AlertThrottle {
    /// True if the device is to be alerted now, which is then recorded. If too many devices have been alerted within
    /// the hour to remember them all, some get an alert twice.
    pub(crate) fn admit(&self, device: &DeviceId, alert: Alert, now: Instant) -> bool {
        let mut throttle = self.0.lock();
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < limits::ALERT_INTERVAL;
        let key = (device.clone(), alert);
        if throttle.get(&key).is_some_and(is_recent) {
            return false;
        }
        if throttle.len() >= limits::ALERTS_REMEMBERED {
            throttle.retain(|_, at| is_recent(at));
        }
        if throttle.len() < limits::ALERTS_REMEMBERED {
            throttle.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c19_a_fault_is_told_once_an_hour_and_device_and_kind() {
        let (throttle, now) = (AlertThrottle::default(), Instant::now());
        let (one, other) = (DeviceId::new("one"), DeviceId::new("other"));
        assert!(throttle.admit(&one, Alert::Tts, now));
        assert!(!throttle.admit(&one, Alert::Tts, now + limits::ALERT_INTERVAL / 2));
        assert!(throttle.admit(&one, Alert::Asr, now) && throttle.admit(&other, Alert::Tts, now));
        assert!(throttle.admit(&one, Alert::Tts, now + limits::ALERT_INTERVAL));
    }

    #[test]
    fn c19_what_is_remembered_is_bounded() {
        let (throttle, now) = (AlertThrottle::default(), Instant::now());
        for device in 0..limits::ALERTS_REMEMBERED + 10 {
            assert!(throttle.admit(&DeviceId::new(format!("d{device}")), Alert::Tts, now), "{device}");
        }
        assert_eq!(throttle.0.lock().len(), limits::ALERTS_REMEMBERED);
        assert!(throttle.admit(&DeviceId::new("late"), Alert::Tts, now + limits::ALERT_INTERVAL));
        assert_eq!(throttle.0.lock().len(), 1, "those of the hour before are forgotten");
    }
}

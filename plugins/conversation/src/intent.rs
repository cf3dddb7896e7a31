//! Utterances that are commands and need no model. Rule: the crate `phrases` recognises commands; this decides which of
//! them the mode executes. A doubt goes to the model, which has tools, or is asked back.

use phrases::Verdict;
use phrases::begin::ModePhrases;
use phrases::mode_command::{ModeCommand, ModeContext};

use crate::modes::Modes;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Starts this mode.
    Start(String),
    /// Leaves the running mode.
    Leave,
    /// Ends the conversation.
    Part,
    /// Stops the speech.
    Stop,
    /// Forgets the dialogue.
    Forget,
}

impl Intent {
    /// Classifies an utterance. `running`: another mode is running; `name`: the name of the device.
    pub fn read(said: &str, modes: &Modes, running: bool, name: Option<&str>) -> Verdict<Self> {
        let modes = modes.iter().map(|(name, mode)| ModePhrases::new(name, &mode.phrases)).collect();
        let scene = ModeContext { modes, mode_is_running: running, device_names: name.into_iter().collect() };
        scene.read(said).map(|command| match command {
            ModeCommand::Start(mode) => Self::Start(mode),
            ModeCommand::Leave => Self::Leave,
            // Without a running mode, exit ends the conversation.
            ModeCommand::Exit if running => Self::Leave,
            ModeCommand::Exit | ModeCommand::Farewell => Self::Part,
            ModeCommand::StopSpeaking => Self::Stop,
            ModeCommand::Forget => Self::Forget,
        })
    }
}

#[cfg(test)]
mod tests {
    use phrases::Verdict;
    use phrases::ending::ends_meeting;

    use super::Intent;
    use crate::Config;
    use crate::modes::{Modes, bundled};

    fn modes() -> Modes {
        Modes::of(&bundled(), &Config::default())
    }

    fn read(said: &str) -> Verdict<Intent> {
        Intent::read(said, &modes(), false, None)
    }

    #[test]
    fn m2_modes_begin_by_what_is_asked() {
        for said in [
            "进入工作模式",
            "请帮我进入工作模式吧。",
            "Start working please",
            "Could you start working now?",
            "我要进入工作模式",
        ] {
            assert_eq!(read(said), Verdict::Command(Intent::Start("working".into())), "{said}");
        }
        for said in ["开始会议", "Hey, start the meeting!"] {
            assert_eq!(read(said), Verdict::Command(Intent::Start("meeting".into())), "{said}");
        }
    }

    #[test]
    fn m18_talk_about_a_mode_is_no_command() {
        for said in [
            "明天开始会议",
            "我开始工作了",
            "我们昨天开始工作得很晚",
            "什么是工作模式",
            "不要进入工作模式",
            "Don't start working yet",
            "I start working at nine every day",
            "what is working mode",
            "你好",
            "the traffic came to a stop",
            "怎么才能不忘掉我们的对话",
            "再见怎么说",
        ] {
            assert_eq!(read(said), Verdict::Talk, "{said}");
        }
        assert_eq!(read("可以开始会议了吗"), Verdict::Doubt(Intent::Start("meeting".into())));
    }

    #[test]
    fn silence_leaving_and_forgetting() {
        for said in ["停！", "别说了", "Stop.", "That's enough!", "be quiet"] {
            assert_eq!(read(said), Verdict::Command(Intent::Stop), "{said}");
        }
        for said in [
            "退出工作模式",
            "请退出当前模式",
            "Exit working mode please",
            "leave this mode",
            "好的，结束会议吧。",
            "散会！",
            "Okay, end the meeting please.",
        ] {
            assert_eq!(read(said), Verdict::Command(Intent::Leave), "{said}");
        }
        for said in ["忘掉我们的对话", "请忘掉我们的对话吧", "Please forget our conversation."] {
            assert_eq!(read(said), Verdict::Command(Intent::Forget), "{said}");
        }
    }

    #[test]
    fn m18_what_is_only_said_to_be_over_is_left_where_it_runs() {
        for said in ["会议结束了", "会议到此结束", "The meeting is over."] {
            let left = |running| Intent::read(said, &modes(), running, None);
            assert_eq!(left(true), Verdict::Command(Intent::Leave), "{said}");
            assert_eq!(left(false), Verdict::Doubt(Intent::Leave), "{said}");
        }
    }

    #[test]
    fn c17_exit_leaves_a_mode_and_is_a_farewell_without_one() {
        let exit = |running| Intent::read("退出", &modes(), running, None);
        assert_eq!((exit(true), exit(false)), (Verdict::Command(Intent::Leave), Verdict::Command(Intent::Part)));
        let named = Intent::read("再见，厨房", &modes(), false, Some("厨房"));
        assert_eq!(named, Verdict::Command(Intent::Part));
    }

    /// The meeting mode declines what ends a meeting to this mode; if this mode did not understand it, it would answer
    /// it as a turn.
    #[test]
    fn m1_whatever_ends_a_meeting_leaves_the_mode() {
        let phrases = meeting::config::Config::default().end_phrases;
        assert!(!phrases.is_empty());
        let around = |phrase: &String| {
            let chinese = format!("好的，好的，那么，请{phrase}吧");
            [phrase.clone(), chinese, format!("okay please, {phrase} now"), format!("{phrase}，谢谢大家，再见")]
        };
        let more = ["退出", "今天的会议就到这里", "会议结束了", "meeting adjourned", "把会议关掉"];
        for said in phrases.iter().flat_map(around).chain(more.map(str::to_owned)) {
            assert_eq!(ends_meeting(&said, &phrases), Verdict::Command(()), "{said}");
            let left = Intent::read(&said, &modes(), true, None);
            assert_eq!(left, Verdict::Command(Intent::Leave), "{said}");
        }
    }
}

//! Turns that mean a command and need no model. Rule: a command is nearly all that was said. Whoever
//! only talks about working has not asked for the mode of that name.

use crate::Config;
use crate::farewell::is_farewell;
use crate::rules::contains;
use crate::sentences::is_wide;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Intent {
    /// Begin this mode.
    Start(String),
    /// Leave the mode that runs.
    Leave,
    /// Be silent.
    Stop,
    /// Forget the dialogue.
    Forget,
}

/// Width of what may stand beside a command: three Chinese characters, six letters.
const BESIDE: u32 = 6;

const POLITE: [&str; 22] = [
    "请",
    "帮我",
    "麻烦你",
    "麻烦",
    "你可以",
    "可以",
    "我要",
    "我想",
    "现在",
    "一下",
    "谢谢",
    "please",
    "can you",
    "could you",
    "would you",
    "let us",
    "let s",
    "now",
    "i want to",
    "hey",
    "ok",
    "thanks",
];
/// With one of these a command is talked about, not given.
const BLOCKS: [&str; 20] = [
    "不",
    "别",
    "没",
    "什么",
    "怎么",
    "为什么",
    "吗",
    "谁",
    "not",
    "don t",
    "never",
    "no",
    "what",
    "how",
    "why",
    "is",
    "was",
    "did",
    "do",
    "who",
];
const STOP: [&str; 26] = [
    "停",
    "停下",
    "停下来",
    "停止",
    "停一下",
    "别说了",
    "不要说了",
    "别讲了",
    "不用说了",
    "闭嘴",
    "安静",
    "安静点",
    "够了",
    "打住",
    "好了别说了",
    "stop",
    "stop it",
    "stop talking",
    "be quiet",
    "quiet",
    "shut up",
    "enough",
    "that s enough",
    "silence",
    "stop please",
    "please stop",
];
const FORGET: [&str; 17] = [
    "忘掉我们的对话",
    "忘记我们的对话",
    "忘掉我们说过的话",
    "忘记我们说过的话",
    "忘掉我们的聊天",
    "忘掉一切",
    "清空对话",
    "清除对话",
    "清空记忆",
    "清除记忆",
    "删除对话记录",
    "forget our conversation",
    "forget our conversations",
    "forget everything",
    "forget what we talked about",
    "clear your memory",
    "delete our conversation",
];
/// Some name a mode that takes all words itself and hands these on, polite as they were.
const LEAVE: [&str; 21] = [
    "退出模式",
    "退出当前模式",
    "退出这个模式",
    "离开模式",
    "结束模式",
    "结束当前模式",
    "回到聊天",
    "回到对话",
    "leave the mode",
    "leave this mode",
    "exit the mode",
    "exit mode",
    "end the mode",
    "back to chat",
    "结束会议",
    "会议结束",
    "退出会议",
    "散会",
    "end the meeting",
    "end this meeting",
    "finish the meeting",
];
const LEAVING: [&str; 12] =
    ["退出", "离开", "结束", "关闭", "停止", "leave", "exit", "quit", "end", "leave the", "exit the", "end the"];

impl Intent {
    /// The command that a turn is, if it is one.
    pub fn of(said: &str, config: &Config) -> Option<Self> {
        let text = plain(said);
        if STOP.contains(&text.as_str()) {
            return Some(Self::Stop);
        }
        if FORGET.iter().any(|phrase| is_asked(&text, phrase)) {
            return Some(Self::Forget);
        }
        let modes =
            || config.modes.iter().flat_map(|(mode, phrases)| phrases.iter().map(move |words| (mode, plain(words))));
        let leaves = |name: &str| {
            LEAVING
                .iter()
                .any(|verb| is_asked(&text, &format!("{verb}{name}")) || is_asked(&text, &format!("{verb} {name}")))
        };
        let is_left = LEAVE.iter().any(|phrase| is_asked(&text, phrase)) || is_farewell(said, &LEAVE);
        if is_left || modes().any(|(_, phrase)| leaves(&phrase)) {
            return Some(Self::Leave);
        }
        // Of two phrases that fit, the longer one is meant.
        let asked = modes().filter(|(_, phrase)| is_asked(&text, phrase));
        asked.max_by_key(|(_, phrase)| phrase.len()).map(|(mode, _)| Self::Start(mode.clone()))
    }
}

/// Lower-case words with single spaces between them and no marks.
fn plain(said: &str) -> String {
    let lower = said.to_lowercase();
    let spaced: String = lower.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ")
}

/// True if the phrase is what was said, but for politeness.
fn is_asked(text: &str, phrase: &str) -> bool {
    if phrase.is_empty() || !contains(text, phrase) {
        return false;
    }
    let mut beside = text.replacen(phrase, " ", 1);
    if BLOCKS.iter().any(|word| contains(&beside, word)) {
        return false;
    }
    for word in POLITE {
        if contains(&beside, word) {
            beside = beside.replace(word, " ");
        }
    }
    let width: u32 = beside
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .map(|letter| if is_wide(letter) { 2 } else { 1 })
        .sum();
    width <= BESIDE
}

#[cfg(test)]
mod tests {
    use super::Intent;
    use crate::Config;

    fn of(said: &str) -> Option<Intent> {
        Intent::of(said, &Config::default())
    }

    #[test]
    fn m2_modes_begin_by_what_is_asked() {
        for said in [
            "进入工作模式",
            "请帮我进入工作模式吧。",
            "Start working please",
            "Could you start working now?",
            "我要开始工作了",
        ] {
            assert_eq!(of(said), Some(Intent::Start("working".into())), "{said}");
        }
        for said in ["开始会议", "Hey, start the meeting!"] {
            assert_eq!(of(said), Some(Intent::Start("meeting".into())), "{said}");
        }
    }

    #[test]
    fn talk_about_a_mode_is_no_command() {
        for said in [
            "我们昨天开始工作得很晚",
            "什么是工作模式",
            "不要进入工作模式",
            "Don't start working yet",
            "I start working at nine every day",
            "what is working mode",
            "你好",
            "the traffic came to a stop",
            "怎么才能不忘掉我们的对话",
        ] {
            assert_eq!(of(said), None, "{said}");
        }
    }

    #[test]
    fn silence_leaving_and_forgetting() {
        for said in ["停！", "别说了", "Stop.", "That's enough!", "be quiet"] {
            assert_eq!(of(said), Some(Intent::Stop), "{said}");
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
            assert_eq!(of(said), Some(Intent::Leave), "{said}");
        }
        for said in ["忘掉我们的对话", "请忘掉我们的对话吧", "Please forget our conversation."] {
            assert_eq!(of(said), Some(Intent::Forget), "{said}");
        }
    }
}

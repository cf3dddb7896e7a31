//! Fixed sentences of this mode. Rule: short, honest, and in the language of the turn.

use modehost_sdk::{Failure, Language};
use serde::Serialize;

use crate::intent::Intent;
use crate::modes::Modes;

/// The answer broke off.
pub fn broken_off(language: Language) -> &'static str {
    language.pick("抱歉，后面的没能说完。", "Sorry, I could not finish that.")
}

/// The model did not answer.
pub fn failure(language: Language, reason: Failure) -> &'static str {
    match reason {
        Failure::TimedOut => {
            language.pick("抱歉，我想得太久了，请再问一次。", "Sorry, that took me too long. Please ask again.")
        }
        Failure::TooMany => language
            .pick("抱歉，我现在有点忙，请稍后再问。", "Sorry, I am busy right now. Please ask again in a moment."),
        Failure::Interrupted => {
            language.pick("抱歉，刚才中断了，请再说一遍。", "Sorry, I was interrupted. Please say that again.")
        }
        _ => language.pick(
            "抱歉，语言模型现在出错了，请稍后再试。",
            "Sorry, the language model has a problem. Please try again later.",
        ),
    }
}

/// The answer is empty.
pub fn nothing_to_say(language: Language) -> &'static str {
    language.pick("抱歉，这个我答不上来。", "Sorry, I have no answer to that.")
}

/// A tool is slow.
pub fn one_moment(language: Language) -> &'static str {
    language.pick("稍等，我正在处理。", "One moment, I am on it.")
}

/// Confirms that another mode starts.
pub fn switching(language: Language) -> &'static str {
    language.pick("好的。", "All right.")
}

/// The farewell.
pub fn goodbye(language: Language) -> &'static str {
    language.pick("再见。", "Goodbye.")
}

/// Asks back whether a command was meant, by naming the words that are one; none where there are none for it.
pub fn unsure(language: Language, intent: &Intent, modes: &Modes) -> Option<String> {
    let (chinese, english, phrase) = match intent {
        Intent::Start(mode) => {
            let phrases = modes.phrases(mode)?;
            let own = phrases.iter().find(|phrase| Language::of(phrase) == language).or(phrases.first())?;
            ("要现在开始吗", "Shall I start it now", own.as_str())
        }
        Intent::Leave => ("要退出当前模式吗", "Shall I leave this mode", language.pick("退出模式", "leave the mode")),
        Intent::Part => ("要结束对话吗", "Shall I end our conversation", language.pick("再见", "goodbye")),
        Intent::Forget => (
            "要忘掉我们的对话吗",
            "Shall I forget our talk",
            language.pick("忘掉我们的对话", "forget our conversation"),
        ),
        Intent::Stop => return None,
    };
    Some(language.pick(format!("{chinese}？要的话，请说“{phrase}”。"), format!("{english}? If so, say \"{phrase}\".")))
}

/// The answer has code, which is not spoken.
pub fn code_left_out(language: Language) -> &'static str {
    language.pick("这里有一段代码，我就不念了。", "There is some code here, which I will not read out.")
}

/// Tells the client that the turn was answered without the model.
#[derive(Debug, Serialize)]
pub struct Unavailable {
    r#type: &'static str,
    code: &'static str,
    message: &'static str,
    r#ref: About,
    degraded: bool,
}

#[derive(Debug, Serialize)]
struct About {
    r#type: &'static str,
}

impl Unavailable {
    /// The message for this reason.
    pub fn because(reason: Failure) -> Self {
        let message = match reason {
            Failure::Unavailable => "no language model is configured, or it cannot be reached",
            Failure::Denied => "the plugin has not been granted `model`",
            Failure::TimedOut => "the language model did not answer in time",
            Failure::TooMany => "too many questions to the language model are open",
            Failure::Interrupted => "the server was restarted while the language model answered",
            _ => "the language model refused the question or gave an answer that cannot be used",
        };
        Self { r#type: "error", code: "LLM_UNAVAILABLE", message, r#ref: About { r#type: "listen" }, degraded: true }
    }
}

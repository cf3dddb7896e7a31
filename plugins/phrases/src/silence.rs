//! Commands to stop speaking and to forget the dialogue. Rule: silence is worth little when it comes late, so a short
//! phrase is enough; what is to be forgotten has to be named.

use crate::path::{Flags, Paths};

#[rustfmt::skip]
const STOP: [&str; 49] = [
    "停", "停下", "停下来", "停止", "停一下", "停一停", "别说了", "别说话", "别说话了", "不要说了", "不要说话", "不要再说了",
    "别讲了", "别再说了", "别念了", "不用说了", "不用讲了", "不说了", "闭嘴", "住口", "安静", "安静点", "安静一点", "安静一下", "够了",
    "打住", "停止播放", "停止说话", "先停一下", "先停", "先别说了",
    "stop", "stop it", "stop talking", "stop speaking", "be quiet", "quiet", "shut up", "enough", "that's enough",
    "that s enough", "that is enough", "silence", "hush", "stop there", "keep quiet", "be silent", "stop now",
    "stop that",
];
const FORGET: [&str; 9] = ["忘掉", "忘记", "清空", "清除", "删除", "删掉", "抹掉", "清理", "别记得"];
const FORGOTTEN: [&str; 22] = [
    "我们的对话",
    "我们说过的话",
    "我们的聊天",
    "我们聊过的",
    "我们聊的",
    "我们的聊天记录",
    "我们的对话记录",
    "一切",
    "所有对话",
    "对话",
    "对话记录",
    "聊天记录",
    "聊天历史",
    "对话历史",
    "记忆",
    "你的记忆",
    "所有记忆",
    "全部记忆",
    "历史记录",
    "所有聊天记录",
    "刚才的对话",
    "刚才说的话",
];
const FORGET_ENGLISH: [&str; 7] = ["forget", "clear", "delete", "erase", "wipe", "reset", "remove"];
const FORGOTTEN_ENGLISH: [&str; 17] = [
    "our conversation",
    "our conversations",
    "everything",
    "what we talked about",
    "your memory",
    "the memory",
    "this conversation",
    "the conversation",
    "conversation history",
    "our chat",
    "chat history",
    "the history",
    "everything we said",
    "everything we talked about",
    "all conversations",
    "memory",
    "what i said",
];
/// Too vague to erase the dialogue for, or possibly about something else.
const VAGUE: [&str; 8] =
    ["对话", "what i said", "everything", "the history", "the memory", "memory", "the conversation", "一切"];

/// Matches a command to stop speaking.
pub fn stop_speaking<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.word(&STOP)
}

/// Matches a command to forget the dialogue.
pub fn forget<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let sure = paths.word(&FORGET).word(&FORGOTTEN).or(&paths.word(&["把"]).word(&FORGOTTEN).word(&FORGET));
    let english = paths.word(&FORGET_ENGLISH).word(&FORGOTTEN_ENGLISH);
    // Only those that end with the vague words: "everything we said" is not vague, although "everything" is.
    let vague = paths.word(&["reset", "remove", "删掉", "clear", "delete"]).word(&VAGUE);
    sure.or(&english).except(&vague).or(&vague.with_flags(Flags::WEAK))
}

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::mode_command::{ModeCommand, ModeContext};

    #[test]
    fn a_vague_word_within_a_clear_phrase_makes_no_doubt() {
        let read = |said: &str| ModeContext::default().read(said);
        for said in [
            "delete everything we said",
            "Please delete everything we talked about.",
            "clear everything we said",
            "删掉对话记录",
            "请删掉对话历史",
        ] {
            assert_eq!(read(said), Verdict::Command(ModeCommand::Forget), "{said}");
        }
        for said in ["delete everything", "clear the memory", "删掉一切"] {
            assert_eq!(read(said), Verdict::Doubt(ModeCommand::Forget), "{said}");
        }
        for said in ["delete everything we bought", "don't delete everything we said", "stop it", "停"] {
            assert_ne!(read(said), Verdict::Command(ModeCommand::Forget), "{said}");
        }
    }
}

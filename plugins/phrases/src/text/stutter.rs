//! Stuttering. Rule: a repeated word beginning counts once; a word that is doubled on purpose (看看, bye bye) is kept.

use super::is_chinese;

/// Words whose repetition is a stutter.
#[rustfmt::skip]
const STUTTERED: [&str; 50] = [
    "go", "get", "start", "stop", "open", "the", "to", "my", "end", "switch", "put", "show", "can", "could", "take", "read", "let's", "a", "i", "and", "we", "close", "mark", "tick",
    "me", "us", "on", "in", "of", "it", "is", "this", "begin", "record", "bring", "pull", "would", "will", "exit", "leave", "finish", "wrap", "our", "you", "into", "for", "what's", "mode", "check", "back",
];
/// Words of commands that may be preceded by their own beginning: st start.
#[rustfmt::skip]
const COMMAND_WORDS: [&str; 26] = [
    "start", "show", "switch", "stop", "open", "begin", "read", "exit", "end", "close", "mark", "meeting", "working", "coding", "record", "recording", "finish", "leave", "pull", "bring", "tick", "wrap", "quit", "board", "goodbye", "next",
];
/// Words of their own, which may precede a word with the same beginning.
const SHORT_WORDS: [&str; 10] = ["a", "be", "me", "so", "wo", "no", "re", "go", "bo", "in"];
/// Verbs whose first character may be repeated: 开开始, 停停停止. 下下一个 is excluded: it means the one after the next.
#[rustfmt::skip]
const STUTTERED_VERBS: [&str; 28] = [
    "开始", "开会", "开工", "开启", "开录", "打开", "结束", "停止", "退出", "进入", "切换", "切到", "关闭", "关掉", "散会", "查看", "显示", "启动", "回到", "返回", "完成", "标记", "认领", "刷新", "收工", "再见", "晚安", "跳过",
];

/// Removes the broken beginning of a word that is repeated: 回 回到, go go back, st start.
pub fn without_stutter(text: &str) -> String {
    let parts: Vec<&str> =
        text.split(|by: char| by.is_whitespace() || by == '-').filter(|part| !part.is_empty()).collect();
    let kept_parts = parts.iter().enumerate().filter(|(at, part)| {
        let Some(next) = parts.get(at + 1) else { return true };
        let is_longer = next.len() > part.len() && next.starts_with(**part);
        let is_chinese = part.chars().all(is_chinese) && part.chars().count() <= 2;
        let word = next.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_latin = part.len() <= 3 && COMMAND_WORDS.contains(&word) && !SHORT_WORDS.contains(part);
        !(is_longer && (is_chinese || is_latin) || **part == *next && STUTTERED.contains(part))
    });
    without_repeated_words(kept_parts.map(|(_, part)| *part).collect()).join(" ")
}

/// Removes the repetition of two or three words: exit the, exit the meeting.
fn without_repeated_words(mut parts: Vec<&str>) -> Vec<&str> {
    for count in [3, 2] {
        let mut at = 0;
        while at + 2 * count < parts.len() {
            let is_word = |part: &&str| part.starts_with(|letter: char| letter.is_ascii_alphabetic());
            let bare = |part: &str| part.trim_end_matches([',', '.', '…']).to_owned();
            let is_repeated = (0..count).all(|word| bare(parts[at + word]) == bare(parts[at + count + word]))
                && parts[at..at + count].iter().all(is_word);
            match is_repeated {
                true => drop(parts.drain(at..at + count)),
                false => at += 1,
            }
        }
    }
    parts
}

/// Removes the repeated first character of a verb within one word.
pub fn without_repeated_verb_start(mut words: String) -> String {
    // Only at the end: 念一下下一条 consists of 念一下 and 下一条.
    if let Some(front) = words.strip_suffix("一下下") {
        words = format!("{front}一下");
    }
    for end in ["谢谢", "吧", "哈", "好", "呗", "啊"] {
        words = words.replace(&format!("一下下{end}"), &format!("一下{end}"));
    }
    for verb in STUTTERED_VERBS {
        let first = verb.chars().next().map_or(0, char::len_utf8);
        let repeated = format!("{}{verb}", &verb[..first]);
        while words.contains(&repeated) {
            words = words.replace(&repeated, verb);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_what_is_begun_anew_counts_once() {
        for (utterance, expected) in [
            ("st start the the meeting", "start the meeting"),
            ("sh-show me my tasks", "show me my tasks"),
            ("回 回到聊天", "回到聊天"),
            ("bye bye", "bye bye"),
            ("me meeting", "me meeting"),
            ("exit the, exit the meeting mode", "exit the meeting mode"),
        ] {
            assert_eq!(without_stutter(utterance), expected, "{utterance}");
        }
        for (utterance, expected) in [("开开开始会议", "开始会议"), ("看看看板", "看看看板"), ("下下一个", "下下一个")]
        {
            assert_eq!(without_repeated_verb_start(utterance.to_owned()), expected, "{utterance}");
        }
    }
}

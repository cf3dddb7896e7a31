//! Stuttering. Rule: what is begun anew counts once; a word that people double on purpose (看看, bye bye) stays.

use super::is_chinese;

/// Doubled by mistake.
#[rustfmt::skip]
const STUTTERED: [&str; 50] = [
    "go", "get", "start", "stop", "open", "the", "to", "my", "end", "switch", "put", "show", "can", "could", "take", "read", "let's", "a", "i", "and", "we", "close", "mark", "tick",
    "me", "us", "on", "in", "of", "it", "is", "this", "begin", "record", "bring", "pull", "would", "will", "exit", "leave", "finish", "wrap", "our", "you", "into", "for", "what's", "mode", "check", "back",
];
/// Words of commands that somebody may begin twice: st start.
#[rustfmt::skip]
const BEGUN: [&str; 26] = [
    "start", "show", "switch", "stop", "open", "begin", "read", "exit", "end", "close", "mark", "meeting", "working", "coding", "record", "recording", "finish", "leave", "pull", "bring", "tick", "wrap", "quit", "board", "goodbye", "next",
];
/// They are words, and may stand before one that begins like them.
const WHOLE: [&str; 10] = ["a", "be", "me", "so", "wo", "no", "re", "go", "bo", "in"];
/// 开开始, 停停停止. 下下一个 is the one after the next.
#[rustfmt::skip]
const VERBS: [&str; 28] = [
    "开始", "开会", "开工", "开启", "开录", "打开", "结束", "停止", "退出", "进入", "切换", "切到", "关闭", "关掉", "散会", "查看", "显示", "启动", "回到", "返回", "完成", "标记", "认领", "刷新", "收工", "再见", "晚安", "跳过",
];

/// Without the beginning of a word that is begun anew: 回 回到, go go back, st start.
pub fn steady(text: &str) -> String {
    let parts: Vec<&str> =
        text.split(|by: char| by.is_whitespace() || by == '-').filter(|part| !part.is_empty()).collect();
    let kept = parts.iter().enumerate().filter(|(at, part)| {
        let Some(next) = parts.get(at + 1) else { return true };
        let is_longer = next.len() > part.len() && next.starts_with(**part);
        let is_chinese = part.chars().all(is_chinese) && part.chars().count() <= 2;
        let word = next.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_latin = part.len() <= 3 && BEGUN.contains(&word) && !WHOLE.contains(part);
        !(is_longer && (is_chinese || is_latin) || **part == *next && STUTTERED.contains(part))
    });
    once(kept.map(|(_, part)| *part).collect()).join(" ")
}

/// Exit the, exit the meeting: what is begun anew in two or three words counts once.
fn once(mut parts: Vec<&str>) -> Vec<&str> {
    for count in [3, 2] {
        let mut at = 0;
        while at + 2 * count < parts.len() {
            let is_word = |part: &&str| part.starts_with(|letter: char| letter.is_ascii_alphabetic());
            let bare = |part: &str| part.trim_end_matches([',', '.', '…']).to_owned();
            let is_anew = (0..count).all(|word| bare(parts[at + word]) == bare(parts[at + count + word]))
                && parts[at..at + count].iter().all(is_word);
            match is_anew {
                true => drop(parts.drain(at..at + count)),
                false => at += 1,
            }
        }
    }
    parts
}

/// Without the first character of a verb that is begun anew in one breath.
pub fn begun_once(mut words: String) -> String {
    // 念一下下一条 has two words here.
    if let Some(front) = words.strip_suffix("一下下") {
        words = format!("{front}一下");
    }
    for end in ["谢谢", "吧", "哈", "好", "呗", "啊"] {
        words = words.replace(&format!("一下下{end}"), &format!("一下{end}"));
    }
    for verb in VERBS {
        let first = verb.chars().next().map_or(0, char::len_utf8);
        let begun = format!("{}{verb}", &verb[..first]);
        while words.contains(&begun) {
            words = words.replace(&begun, verb);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_what_is_begun_anew_counts_once() {
        for (said, steadied) in [
            ("st start the the meeting", "start the meeting"),
            ("sh-show me my tasks", "show me my tasks"),
            ("回 回到聊天", "回到聊天"),
            ("bye bye", "bye bye"),
            ("me meeting", "me meeting"),
            ("exit the, exit the meeting mode", "exit the meeting mode"),
        ] {
            assert_eq!(steady(said), steadied, "{said}");
        }
        for (said, once) in [("开开开始会议", "开始会议"), ("看看看板", "看看看板"), ("下下一个", "下下一个")]
        {
            assert_eq!(begun_once(said.to_owned()), once, "{said}");
        }
    }
}

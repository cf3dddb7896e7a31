//! Finds the owner of a task. Rule: a known name of the meeting is preferred to a guess, and no owner to a wrong one.

use crate::extract::cue::promise;
use crate::extract::weigh::has_spaces;

/// Common family names; a guessed Chinese name starts with one of them.
const FAMILY_NAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文";
/// Forms of address before and after a family name.
const FORMS_BEFORE: &str = "小老阿";
const FORMS_AFTER: &str = "总工姐哥";
/// Words after a name by which this person takes a task.
const TAKES_ON: [&str; 12] = ["负责", "来", "跟进", "去", "会", "周", "下周", "明天", "今天", "本周", "月底", "在"];
/// Words before a name by which the task is assigned.
const HANDED_TO: [&str; 7] = ["请", "麻烦", "由", "交给", "让", "安排", "辛苦"];
/// Endings of the names of groups.
const GROUPS: [&str; 6] = ["团队", "部门", "小组", "组", "部", "同学"];
/// Phrases by which the speaker takes a task.
const SELF: [&str; 10] =
    ["我来", "我负责", "我会", "我去", "我跟进", "我这边", "i'll", "i will", "i can take", "i'm going to"];
/// English words after a name by which this person takes a task.
const VERBS: [&str; 14] = [
    "will", "to", "is", "owns", "takes", "needs", "should", "has", "can", "'ll", "please", "follows", "prepares",
    "writes",
];
/// Capitalised words that are not names.
const NO_NAMES: [&str; 46] = [
    "i",
    "we",
    "it",
    "he",
    "she",
    "they",
    "you",
    "that",
    "this",
    "there",
    "the",
    "a",
    "an",
    "so",
    "and",
    "but",
    "then",
    "okay",
    "who",
    "what",
    "everyone",
    "everybody",
    "nobody",
    "somebody",
    "someone",
    "please",
    "can",
    "could",
    "action",
    "item",
    "todo",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "all",
    "next",
    "also",
    "our",
    "if",
    "when",
    "one",
    "let's",
];

/// The person or group that the sentence assigns the task to. `speaker`: who said it; `names`: the speakers of the
/// meeting.
pub fn find(text: &str, speaker: Option<&str>, names: &[String]) -> Option<String> {
    let lower = text.to_lowercase();
    let promised = SELF.iter().filter_map(|word| lower.find(word)).chain(promise(&lower)).min();
    let of_self = speaker.and_then(|name| Some((promised?, name)));
    let named = names.iter().filter_map(|name| Some((place_of(&lower, name)?, name.as_str())));
    // The first one takes the task: "Ann will ask Bob", "I'll give it to Bob".
    if let Some((_, name)) = named.chain(of_self).min() {
        return Some(name.to_owned());
    }
    guess_chinese(text).or_else(|| guess_group(text)).or_else(|| guess_english(text))
}

/// Position of the name in the text; a name of a script with spaces must be a whole word.
fn place_of(lower: &str, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    if name.chars().count() < 2 {
        return None;
    }
    let bounded = has_spaces(&name);
    let mut places = lower.match_indices(&name).map(|(at, _)| at);
    places.find(|&at| {
        let before = lower[..at].chars().next_back();
        let after = lower[at + name.len()..].chars().next();
        !bounded
            || ![before, after]
                .into_iter()
                .flatten()
                .any(|letter| letter.is_alphanumeric() && has_spaces(letter.encode_utf8(&mut [0; 4])))
    })
}

fn guess_chinese(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let begins = |at: usize, words: &[&str]| {
        words.iter().any(|word| word.chars().enumerate().all(|(n, letter)| letters.get(at + n) == Some(&letter)))
    };
    let ends = |at: usize, words: &[&str]| {
        words.iter().any(|word| {
            let count = word.chars().count();
            at >= count && word.chars().enumerate().all(|(n, letter)| letters[at - count + n] == letter)
        })
    };
    let is_han = |letter: char| matches!(letter, '\u{4e00}'..='\u{9fff}');
    for at in 0..letters.len() {
        let at_edge = at == 0 || !is_han(letters[at - 1]) || ends(at, &HANDED_TO);
        let handed = ends(at, &HANDED_TO);
        let family = FAMILY_NAMES.contains(letters[at]);
        let form = FORMS_BEFORE.contains(letters[at]) && letters.get(at + 1).is_some_and(|l| FAMILY_NAMES.contains(*l));
        if !at_edge || !(family || form) {
            continue;
        }
        for length in [2, 3] {
            let end = at + length;
            let Some(name) = letters.get(at..end).filter(|name| name.iter().all(|letter| is_han(*letter))) else {
                continue;
            };
            let titled = !form && length == 2 && FORMS_AFTER.contains(name[1]);
            if begins(end, &TAKES_ON) || (handed && (form || titled)) || begins(end, &["把", "你"]) {
                return Some(name.iter().collect());
            }
        }
    }
    None
}

/// A group such as `测试组` before `负责`, `来` or `跟进`.
fn guess_group(text: &str) -> Option<String> {
    let at = TAKES_ON.iter().take(3).filter_map(|word| text.find(word)).min()?;
    let front = text[..at].rsplit(['，', ',', '、', '。', '：', ':', ' ']).next()?;
    let front =
        HANDED_TO.iter().find_map(|word| front.rfind(word).map(|at| &front[at + word.len()..])).unwrap_or(front);
    let length = front.chars().count();
    ((2..=6).contains(&length) && GROUPS.iter().any(|group| front.ends_with(group))).then(|| front.to_owned())
}

fn guess_english(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '\'').to_owned();
    let is_name = |word: &str| {
        let lower = word.to_lowercase();
        word.len() > 1
            && word.starts_with(char::is_uppercase)
            && word.chars().skip(1).all(char::is_lowercase)
            && !NO_NAMES.contains(&lower.as_str())
    };
    for (place, word) in words.iter().enumerate() {
        let (stem, contracted) = match word.strip_suffix("'ll") {
            Some(stem) => (stem.to_owned(), true),
            None => (bare(word), false),
        };
        if !is_name(&stem) {
            continue;
        }
        let next = words.get(place + 1).map(|next| bare(next).to_lowercase()).unwrap_or_default();
        let addressed = word.ends_with(',') && ["can", "could", "please", "you"].contains(&next.as_str());
        let asked_last = place + 1 == words.len() && place > 0 && words[place - 1].ends_with(',');
        let takes_on = VERBS.contains(&next.as_str()) && !word.ends_with([',', '.', ':']);
        let given_to = place > 0
            && matches!(bare(words[place - 1]).to_lowercase().as_str(), "owner" | "assign" | "for" | "to")
            && text.to_lowercase().contains("action item");
        if contracted || addressed || asked_last || takes_on || given_to {
            return Some(stem);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_found() {
        let names = ["李雷".to_owned(), "Priya".to_owned(), "Zoë".to_owned()];
        let find = |text: &str, speaker: Option<&str>| find(text, speaker, &names);
        let cases = [
            ("李雷负责接口文档", None, Some("李雷")),
            ("请王芳周五前提交报价", None, Some("王芳")),
            ("小陈来跟进客户反馈", None, Some("小陈")),
            ("由测试组负责回归", None, Some("测试组")),
            ("我来整理测试用例", Some("韩梅"), Some("韩梅")),
            ("这个需要尽快处理", Some("韩梅"), None),
            ("Priya will write the runbook", None, Some("Priya")),
            ("Marcus will call the vendor", None, Some("Marcus")),
            ("Can you send the minutes, Tom?", Some("Ann"), Some("Tom")),
            ("I'll book the room", Some("Ann"), Some("Ann")),
            ("我负责整理清单，周五前交给李雷", Some("韩梅"), Some("韩梅")),
            ("I'll give it to Priya", Some("Ann"), Some("Ann")),
            ("It needs to be faster", Some("Ann"), None),
            ("José will call the vendor", None, Some("José")),
            ("Zoëlle will write the plan", None, Some("Zoëlle")),
            ("Zoë负责接口文档", None, Some("Zoë")),
        ];
        for (text, speaker, owner) in &cases {
            assert_eq!(find(text, *speaker).as_deref(), *owner, "{text}");
        }
    }
}

//! A named task that is reported done and then ticked off: 周报办完了 勾掉, the report one's finished, tick it off. Rule: both
//! halves are present, or the task is referred to as a line of the board (周报那条办完了); the name resembles a title and
//! contains no denial.

use super::{Command, TARGET_CHARS, Verb};
use crate::Verdict;
use crate::negation;
use crate::talk::{self, TextKind};
use crate::text;
use crate::wording::{is_question, normalise, strip_fillers, strip_politeness};

#[rustfmt::skip]
const TICKS: [&str; 51] = [
    "标", "标记", "勾", "划", "勾掉", "划掉", "标一下", "标记一下", "勾一下", "划一下", "打勾", "打个勾", "打上勾", "打钩", "打个钩", "勾了", "划了", "标了", "勾上", "销掉", "标完成", "标记完成", "标记为完成", "标成完成", "标为完成",
    "tick them off", "check them off", "cross them off", "mark them done", "mark them off", "tick it off", "check it off", "cross it off", "mark it off", "tick that off", "check that off", "cross that off", "mark it done", "mark it as done", "mark it complete", "mark that done", "mark that off", "tick that one off", "check that one off", "cross that one off",
    "tick it", "scratch it off", "cross it out", "strike it off", "tick this off", "check this off",
];
/// Words between the two halves.
#[rustfmt::skip]
const BETWEEN: [&str; 27] = [
    "帮我", "帮忙", "给我", "请", "麻烦", "麻烦你", "劳驾", "你", "把它", "把这条", "把这个", "把那条", "给它", "可以", "那就", "可以帮我", "帮我给",
    "please", "can you", "could you", "would you", "so", "and", "you can", "go ahead and", "just", "let's",
];
#[rustfmt::skip]
const DONE: [&str; 26] = [
    "做完了", "办完了", "弄好了", "弄完了", "完成了", "搞定了", "写完了", "写好了", "处理完了", "处理好了", "改完了", "改好了", "干完了", "搞完了", "做好了", "修好了", "弄妥了", "办妥了", "整完了", "搞好了", "办好了", "忙完了", "发完了", "解决了", "交了", "结了",
];
#[rustfmt::skip]
const IS_DONE: [&str; 23] = [
    "'s finished", "'s done", "'s all done", "'s complete", "'s completed", "'s sorted", "'s fixed", "s finished", " is finished", " is done", " is all done", " is complete", " is completed", " is sorted", " is fixed", " has been done", " has been finished", " are done", " are finished", " is now done", " finished", " done", " all done",
];
const HAVE_DONE: [&str; 12] = [
    "i've finished ",
    "i finished ",
    "i've done ",
    "i have finished ",
    "i'm done with ",
    "i am done with ",
    "done with ",
    "finished with ",
    "finished ",
    "i've completed ",
    "i completed ",
    "we've finished ",
];
/// Words for a line of the board.
const LINES: [&str; 12] = [
    "那条",
    "这条",
    "那项",
    "这项",
    "那条任务",
    "这条任务",
    "那项任务",
    "这项任务",
    "那个任务",
    "这个任务",
    " one",
    " task",
];

/// Reads the task that is reported done.
pub fn read(utterance: &str) -> Verdict<Command> {
    let asked = strip_politeness(&text::normalise(utterance));
    if is_question(&asked.text) || asked.asks_permission || utterance.contains(['"', '“', '”', '「']) {
        return Verdict::Talk;
    }
    let text = normalise(&asked.text);
    let tick = TICKS.iter().filter_map(|tick| strip_word_suffix(&text, tick)).min_by_key(|front| front.len());
    let stated = tick.map(|front| strip_between(front).to_owned());
    let is_ticked = stated.is_some();
    let stated = stated.unwrap_or(text);
    let Some(title) = title_of_statement(&stated, is_ticked) else { return Verdict::Talk };
    let target = normalise(title);
    let target = ["我把", "把", "我"].iter().find_map(|word| target.strip_prefix(word)).unwrap_or(&target).to_owned();
    let target = LINES.iter().filter_map(|line| target.strip_suffix(line)).min_by_key(|front| front.len());
    let target = match target {
        Some(front) => front.trim().to_owned(),
        None if is_ticked => normalise(title),
        None => return Verdict::Talk,
    };
    let bare = strip_fillers(&target);
    // 我妈说这条搞定了.
    let is_said = target.ends_with(['说', '讲', '问', '喊']);
    let is_clause_start = is_said || target.starts_with(['等', '当', '若', '待', '谁', '这', '那']);
    let is_title = !is_clause_start && talk::before(bare).max(talk::before(&target)) == TextKind::Title;
    if bare.is_empty() || target.chars().count() > TARGET_CHARS || !is_title || negation::denies(&target) {
        return Verdict::Talk;
    }
    if target.contains(['，', ',', '。', '.', ';', '；', ' ']) && target.contains(text::is_chinese) {
        return Verdict::Talk;
    }
    Verdict::Command(Command { verb: Verb::Complete, target: bare.to_owned(), is_question: false })
}

/// The task in a statement that it is done.
fn title_of_statement(stated: &str, is_ticked: bool) -> Option<&str> {
    let stated = stated.trim_end_matches(['啊', '哈', '吧']);
    let chinese = DONE.iter().filter_map(|done| stated.strip_suffix(done)).min_by_key(|front| front.len());
    if let Some(front) = chinese {
        let already = ["已经", "都", "也", "终于", "总算"];
        return Some(already.iter().find_map(|word| front.strip_suffix(word)).unwrap_or(front));
    }
    // Only after "one" or "task", since 's may belong to anything else.
    let english = IS_DONE.iter().filter_map(|done| stated.strip_suffix(done)).min_by_key(|front| front.len());
    let english = english.filter(|front| is_ticked || front.ends_with(" one") || front.ends_with(" task"));
    english.or_else(|| HAVE_DONE.iter().filter(|_| is_ticked).find_map(|done| stated.strip_prefix(done)))
}

fn strip_word_suffix<'t>(text: &'t str, tick: &str) -> Option<&'t str> {
    text.strip_suffix(tick).filter(|front| !tick.is_ascii() || !front.ends_with(|by: char| by.is_ascii_alphanumeric()))
}

fn strip_between(front: &str) -> &str {
    let mut front = front;
    loop {
        let trimmed = front.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        match BETWEEN.iter().find_map(|word| strip_word_suffix(trimmed, word)) {
            Some(shorter) => front = shorter,
            None => return trimmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_a_named_task_is_said_to_be_done_and_ticked_off() {
        for (utterance, title) in [
            ("周报那条办完了", "周报"),
            ("周报办完了 勾掉", "周报"),
            ("客户回访这项搞定了，帮我划掉", "客户回访"),
            ("接口联调弄好了 标一下吧", "接口联调"),
            ("the invoice one's finished, tick it off", "invoice"),
            ("The slides are done, can you check that off please", "slides"),
            ("I've finished the budget so cross it off", "budget"),
        ] {
            let read = read(utterance).command().map(|command| (command.verb, command.target));
            assert_eq!(read, Some((Verb::Complete, title.to_owned())), "{utterance}");
        }
        for utterance in [
            "他那条办完了",
            "如果周报办完了 勾掉",
            "周报还没办完 别勾掉",
            "周报没办完了 勾掉",
            "小王说周报办完了就勾掉",
            "周报那条办完了吗",
            "明天周报办完了 勾掉",
            "when the invoice one's finished, tick it off",
            "he said the invoice one's finished, tick it off",
            "the invoice isn't finished, don't tick it off",
            "dinner is done",
            "作业做完了",
        ] {
            assert_eq!(read(utterance), Verdict::Talk, "{utterance}");
        }
    }
}

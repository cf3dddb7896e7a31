//! Classifies sentences by the phrases of decisions and assignments. Rule: it rather misses a decision than reports an
//! open question as one.

/// The kind of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Decision,
    /// A task, if it also has an owner or a due date.
    Action,
    Remark,
}

const DECISIONS: [&str; 46] = [
    "决定",
    "定下来",
    "定了",
    "敲定",
    "确定下来",
    "确定用",
    "确定采用",
    "确定为",
    "拍板",
    "一致同意",
    "达成一致",
    "都同意",
    "大家同意",
    "我们同意",
    "就这么定",
    "结论是",
    "最终选",
    "最后选",
    "通过了",
    "定为",
    "定在",
    "统一用",
    "统一采用",
    "不再做",
    "we decide",
    "we decided",
    "decided to",
    "decision is",
    "decision:",
    "it's decided",
    "is decided",
    "we agreed",
    "agreed to",
    "agreed that",
    "we agree on",
    "agreed:",
    "all agree",
    "settled on",
    "let's go with",
    "we'll go with",
    "we will go with",
    "we are going with",
    "we're going with",
    "is approved",
    "approved the",
    "final call",
];
/// Phrases of open decisions: these override the ones above.
const OPEN: [&str; 31] = [
    "还没决定",
    "没有决定",
    "没决定",
    "未决定",
    "待定",
    "不确定",
    "没确定",
    "没定",
    "不能决定",
    "再决定",
    "再定",
    "是否",
    "要不要",
    "决定不了",
    "怎么定",
    "谁决定",
    "来决定",
    "不同意",
    "需要决定",
    "not decided",
    "haven't decided",
    "have not decided",
    "undecided",
    "decide whether",
    "decide if",
    "not agreed",
    "didn't agree",
    "can't decide",
    "need to decide",
    "before we decide",
    "to be decided",
];
const TASKS: [&str; 51] = [
    "负责",
    "待办",
    "跟进",
    "我来",
    "你来",
    "他来",
    "她来",
    "来写",
    "来做",
    "来改",
    "来整理",
    "来准备",
    "来安排",
    "来跟",
    "来联系",
    "来出",
    "来补",
    "请你",
    "麻烦",
    "交给",
    "之前完成",
    "之前提交",
    "之前给",
    "之前发",
    "前完成",
    "前提交",
    "前给",
    "前发",
    "前出",
    "前把",
    "我会",
    "我去",
    "需要在",
    "action item",
    "todo",
    "to do:",
    "to-do",
    "i'll",
    "i will",
    "will ",
    "follow up",
    "take care of",
    "is responsible for",
    "owns ",
    "takes the ",
    "takes on ",
    "takes over ",
    "can you ",
    "could you ",
    "please ",
    "needs to ",
];
/// Times that make a promise of a sentence if they follow 我.
const WHEN: [&str; 16] = [
    "今天",
    "今晚",
    "明天",
    "后天",
    "本周",
    "这周",
    "下周",
    "周",
    "星期",
    "月底",
    "会后",
    "散会后",
    "稍后",
    "晚点",
    "回头",
    "尽快",
];
/// Words that rule out a promise: it is done, it is denied, or it says where somebody is.
const NO_PROMISE: [&str; 9] = ["了", "过", "不", "没", "请假", "休假", "出差", "在", "觉得"];
/// Phrases that mark a task even without an owner.
const NAMED_TASKS: [&str; 6] = ["待办", "action item", "todo", "to do:", "to-do", "行动项"];
/// Phrases that rule out a task: nobody has accepted it.
const DOUBTS: [&str; 26] = [
    "谁来",
    "谁负责",
    "要不要",
    "会不会",
    "是否",
    "如果",
    "不需要",
    "不用",
    "没人",
    "之前负责",
    "以前",
    "一直负责",
    "who will",
    "who's going",
    "will we",
    "will it",
    "would ",
    "if we",
    "if they",
    "what will",
    "when will",
    "how will",
    "will be fine",
    "will not",
    "won't",
    "it will",
];

/// Classifies a sentence.
pub fn kind(text: &str) -> Kind {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let asks = lower.ends_with(['?', '？']) || lower.ends_with('吗');
    if !asks && has(&DECISIONS) && !has(&OPEN) {
        return Kind::Decision;
    }
    // `Can you …?` assigns work; other questions do not.
    let asks_somebody = ["can you", "could you", "麻烦", "请你"].iter().any(|word| lower.contains(word));
    let promises = !asks && promise(&lower).is_some();
    if (has(&TASKS) || promises) && !has(&DOUBTS) && (!asks || asks_somebody) {
        return Kind::Action;
    }
    Kind::Remark
}

/// Start of a promise with a time, such as "我今天下午联系他们"; none if there is none.
pub fn promise(lower: &str) -> Option<usize> {
    let begins = |rest: &str| WHEN.iter().any(|word| rest.starts_with(word));
    let holds = |rest: &str| !NO_PROMISE.iter().any(|word| rest.contains(word));
    let mut places = lower.match_indices('我').map(|(at, own)| (at, &lower[at + own.len()..]));
    places.find(|(_, rest)| begins(rest) && holds(rest)).map(|(at, _)| at)
}

/// True if the sentence calls itself a task.
pub fn is_task_by_name(text: &str) -> bool {
    let lower = text.to_lowercase();
    NAMED_TASKS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_told_from_doubts() {
        for text in [
            "我们决定下周三发布",
            "那就定为五十万",
            "大家一致同意用方案二",
            "大家同意把费用控制在三千以内",
            "We decided to drop the old importer",
            "Okay, let's go with the blue one",
        ] {
            assert_eq!(kind(text), Kind::Decision, "{text}");
        }
        for text in [
            "还没决定什么时候发布",
            "决定用哪个吗？",
            "We haven't decided on a name",
            "We need to decide whether to move",
        ] {
            assert_ne!(kind(text), Kind::Decision, "{text}");
        }
    }

    #[test]
    fn tasks_are_told_from_talk() {
        for text in [
            "张伟负责接口文档",
            "我来整理测试用例",
            "蓝牙重连需要固件同事配合，我今天下午联系他们",
            "麻烦李娜周五前把报价发给客户",
            "Priya will write the runbook by Friday",
            "I'll call the vendor tomorrow",
            "Can you send the minutes, Tom?",
        ] {
            assert_eq!(kind(text), Kind::Action, "{text}");
        }
        for text in ["这个谁来负责", "It will be fine", "Who will do this?", "天气不错", "我今天看过了", "我下周出差"]
        {
            assert_eq!(kind(text), Kind::Remark, "{text}");
        }
    }
}

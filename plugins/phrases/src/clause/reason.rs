//! The speaker's own reason after a command: why it is given, who has arrived, what the speaker leaves for. Rule: it
//! begins with its own subject and has one of the listed predicates; any other continuation may be about the command
//! itself (开始会议 他说, start the meeting is what he said).

use crate::text::is_chinese;

const MAX_CHARS: usize = 14;
const MAX_WORDS: usize = 8;

/// Subjects that arrive or leave.
#[rustfmt::skip]
const ARRIVING_SUBJECTS: [&str; 46] = [
    "甲方", "乙方", "客人", "老外", "校长", "主任", "院长", "处长", "总监", "经理", "董事长", "专家", "评委", "家长", "学生", "同学们", "学生们", "对面", "供应商", "投资人", "代表", "组长",
    "人", "大家", "大家伙", "所有人", "全员", "客户", "领导", "老板", "老师", "对方", "嘉宾", "同事", "同事们", "各位", "人员", "小伙伴们", "咖啡", "茶", "孩子", "投影", "投影仪", "客户那边", "设备", "我们",
];
const ALREADY: [&str; 10] = ["都", "也", "已经", "全", "全都", "刚", "刚刚", "终于", "总算", "差不多"];
#[rustfmt::skip]
const ARRIVAL_PREDICATES: [&str; 48] = [
    "到了", "到齐了", "齐了", "来了", "来齐了", "上线了", "进来了", "就位了", "坐好了", "准备好了", "在了", "在等了", "等着呢", "在等着", "到场了", "入会了", "连上了", "走了", "退了", "下线了", "离开了", "撤了", "好了", "泡好了", "修好了", "睡了", "睡着了", "开好了", "散了", "累了", "饿了", "困了", "要走了", "要下班了", "要吃饭了", "等急了",
    "在催了", "催了", "等着了", "等半天了", "在等", "在门口了", "都坐好了", "醒了", "要来了", "快来了", "马上到", "马上到了",
];
const OWN_SUBJECTS: [&str; 8] = ["我", "我们", "咱", "咱们", "我这边", "我这里", "俺", "大家"];
#[rustfmt::skip]
const MODALS: [&str; 24] = [
    "还", "得", "要", "该", "先", "也", "都", "马上", "这就", "现在", "今天", "一会", "待会", "真的", "真", "实在", "有点", "快", "还得", "还要", "必须", "急着", "赶着", "等下",
];
#[rustfmt::skip]
const REASONS: [&str; 40] = [
    "有事", "有会", "有个会", "有点事", "有急事", "有别的事", "有下一个会", "有另一个会", "有别的会", "有一个会", "有约", "下一个会", "饿", "困", "累", "累死", "困死", "饿死", "回家", "下班", "吃饭", "吃饭去", "休息", "睡觉", "走", "撤", "开工", "干活", "开会", "开始", "出门", "上班", "忙", "忙去", "赶时间", "吃个饭", "喝口水", "歇会", "歇歇", "干不动",
];
/// Verbs of what the speaker leaves for.
const PURPOSE_VERBS: [&str; 12] =
    ["去", "赶", "接", "回", "做", "买", "看看", "对一下", "对一对", "过一下", "核对", "讲"];
/// Words that exclude a reason of the speaker's own.
#[rustfmt::skip]
const EXCLUDED: [&str; 43] = [
    "他", "她", "它", "谁", "什么", "怎么", "哪", "吗", "呢", "不", "没", "别", "说", "讲", "听", "问", "叫", "让", "但", "可是", "因为", "所以", "如果", "要是", "然后", "昨", "明", "后天", "上次", "下次", "每", "笑", "愣", "忘", "试", "觉得", "以为", "的时候", "这句", "按", "错", "学", "?",
];
#[rustfmt::skip]
const WISHES: [&str; 16] = [
    "大家辛苦", "各位辛苦", "辛苦", "大家早点", "大家去吃饭", "大家回去", "大家回家", "大家吃饭", "谢谢", "感谢", "多谢", "咱们吃饭", "咱们去吃饭", "咱吃饭", "人都", "时间",
];

/// Beginnings of English reasons.
#[rustfmt::skip]
const REASON_STARTS: [&str; 66] = [
    "we're all here", "we're all set", "we're ready", "we're done", "we're finished", "we're good", "we're all ", "we're late", "we're out of time", "we're over", "we're starving", "we're hungry", "we're tired", "we've run ", "we've got ", "we have a ", "we have another", "we need to ", "we have to ", "we gotta ", "i'm done", "i'm ready", "i'm tired", "i'm knackered", "i'm exhausted", "i'm starving", "i'm hungry", "i'm off", "i'm late", "i'm beat", "i'm heading ", "i'm going home", "i'm finished", "i'm back", "i've got ", "i've had enough", "i've a ", "i have a ", "i have another", "i have to ", "i gotta ", "i need a ", "i need to ", "i must ", "i want to get going", "i'd like to get going", "everyone's ", "everybody's ", "all of us are here", "they're all here", "it's late", "it's getting late", "it's time", "it's lunchtime", "it's home time", "time to go home", "time's up", "somebody's at ", "someone's at ", "there's someone at ", "there's somebody at ", "lunch is ", "dinner's ", "dinner is ", "my bus ", "my train ",
];
/// Beginnings of a subject: the client just joined, the team's here.
const SUBJECT_STARTS: [&str; 5] = ["the ", "my ", "our ", "both ", "all "];
#[rustfmt::skip]
const FINAL_PREDICATES: [&str; 34] = [
    "here", "ready", "waiting", "in", "joined", "arrived", "online", "present", "seated", "back", "gone", "done", "finished", "over", "left", "connected", "asleep", "dying", "calling", "coming", "crying", "boiling", "burning", "knocking", "leaving", "dead", "outside", "early", "late", "set", "good", "hungry", "tired", "poured",
];
#[rustfmt::skip]
const ENGLISH_EXCLUDED: [&str; 62] = [
    "he", "she", "they", "him", "her", "them", "who", "what", "when", "where", "why", "how", "which", "if", "whether", "unless", "until", "till", "after", "before", "because", "but", "or", "tomorrow", "yesterday", "monday", "tuesday", "wednesday", "thursday", "friday", "week", "month", "said", "says", "say", "told", "tell", "asked", "ask", "heard", "not", "never", "no", "don't", "can't", "won't", "didn't", "isn't", "aren't", "should", "would", "could", "might", "maybe", "question", "explain", "show", "hear", "know", "think", "idea", "joke",
];

/// True if this clause may follow a command without changing it.
pub fn is_own_reason(back: &str) -> bool {
    match back.contains(is_chinese) {
        true => chinese(back),
        false => english(back),
    }
}

fn chinese(back: &str) -> bool {
    let back: String = back.chars().filter(|letter| letter.is_alphanumeric() || *letter == '?').collect();
    let back = back.trim_end_matches(['啊', '哈', '呀', '哦', '嘞']);
    let plain = ["等着呢", "着呢", "没事"].iter().fold(back.to_owned(), |plain, word| plain.replace(word, "着"));
    if back.chars().count() > MAX_CHARS || EXCLUDED.iter().any(|word| plain.contains(word)) {
        return false;
    }
    let came = ARRIVING_SUBJECTS
        .iter()
        .filter_map(|who| back.strip_prefix(who))
        .any(|rest| ARRIVAL_PREDICATES.contains(&without(rest, &ALREADY)));
    let reason = OWN_SUBJECTS.iter().filter_map(|who| back.strip_prefix(who)).any(|rest| {
        let rest = without(rest, &MODALS);
        let bare = rest.trim_end_matches(['了', '呢', '啦']);
        let soon = rest.ends_with('了') && ["我要", "我们要", "咱们要", "咱要"].iter().any(|who| back.starts_with(who));
        soon || rest.ends_with("去")
            || rest.ends_with("去了")
            || REASONS.contains(&bare)
            || PURPOSE_VERBS.iter().any(|verb| rest.starts_with(verb))
    });
    let wish = WISHES.iter().any(|wish| back.starts_with(wish)) && !back.ends_with('吗');
    came || reason
        || wish
        || [
            "还有事",
            "有人敲门",
            "有人来了",
            "有人找我",
            "要开会了",
            "要开始了",
            "马上开始了",
            "要下班了",
            "该下班了",
            "该吃饭了",
            "饭好了",
            "有点事",
            "饿死了",
            "累死了",
            "困死了",
        ]
        .contains(&back)
}

fn without<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let mut rest = text;
    while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)).filter(|rest| !rest.is_empty()) {
        rest = shorter;
    }
    rest
}

fn english(back: &str) -> bool {
    let words: Vec<&str> =
        back.split(|by: char| !by.is_ascii_alphanumeric() && by != '\'').filter(|word| !word.is_empty()).collect();
    if words.len() > MAX_WORDS || back.contains('?') || words.iter().any(|word| ENGLISH_EXCLUDED.contains(word)) {
        return false;
    }
    let state = |word: Option<&&str>| word.is_some_and(|word| FINAL_PREDICATES.contains(word));
    let is_headed = REASON_STARTS.iter().any(|head| back.starts_with(head) || back == head.trim_end());
    let is_stated = SUBJECT_STARTS.iter().any(|head| back.starts_with(head)) && state(words.last()) && words.len() > 2;
    is_headed || is_stated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_a_reason_of_ones_own_stands_behind_an_order() {
        for own in [
            "我还有事",
            "大家都到了",
            "我要去吃饭",
            "客户已经上线了",
            "we're all here",
            "the client just joined",
            "i've got to run",
        ] {
            assert!(is_own_reason(own), "{own}");
        }
        for other in [
            "他说",
            "大家都笑了",
            "我不同意",
            "我试过了没用",
            "有人反对吗",
            "he said",
            "we were told",
            "is what i said",
            "i have a question",
        ] {
            assert!(!is_own_reason(other), "{other}");
        }
    }
}

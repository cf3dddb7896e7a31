//! Chinese clauses that restrict a command. Rule: words with a harmless use are removed first; then reporters, times,
//! questions and conditions count.

use super::{Strength, is_short};
use crate::clause::unlisted;
use crate::embedded::length;

/// Harmless uses of the words below.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "纪要", "主要", "重要", "不好意思", "没意思", "够意思", "有意思", "刚才聊", "聊得", "看到这", "念到这", "读到这", "听到这", "做到这", "说到这", "聊到这", "讲到这", "弄到这", "干到这", "让小智", "就算开完", "就算完", "就算结束", "就算散", "等一下啊", "等一下哈", "稍等一下", "稍等",
    "哥几个", "姐几个", "几个人", "几位", "几个都", "等了", "等半",
    "早上好", "上午好", "中午好", "下午好", "晚上好", "听完了", "听到了", "听清", "听懂", "听好", "听明白", "问完", "写完了", "写了一", "看到了", "记住了", "学完了", "教完了", "叫完", "回头见", "财务回复",
    "陪我说", "跟你说", "和你说", "陪我聊", "听我说", "听你说", "跟你聊", "和你聊", "听得到吗", "听得见吗", "能听到吗", "听到吗", "听见吗", "在吗", "准备好了吗", "好了吗", "都到了吗", "到齐了吗", "齐了吗", "还有问题吗", "有问题吗", "有意见吗", "还有吗", "还有事吗", "还有别的吗", "有补充吗", "还有补充吗", "看得到吗", "看得见吗",
    "不说了", "先不说", "不多说", "少说", "话不多说", "别说了", "说完了", "都说完", "说好了", "说正事", "说得差不多", "说说", "说一下", "说两句", "没什么说", "没啥说", "没什么好说", "没什么要说", "没啥要说", "该说的", "要说的", "讲完了", "都讲完", "讲好了", "讲得差不多", "不讲了", "听说读写", "让大家久等", "让你久等", "让各位久等", "让让", "让开", "让我们", "让我歇", "让我缓",
    "问题", "没问题", "问完了", "问好", "叫醒", "叫车", "叫的车", "叫了车", "叫了外卖", "叫外卖", "点名", "等着呢", "等着", "等半天", "等急", "等我呢", "在等", "久等", "不等了", "不等他", "等不及", "等不了", "等得", "等会议室", "催了", "其他", "吉他", "同学", "放学", "上学", "开学", "学校", "他们都到", "差点忘", "忘了说", "想想", "想你", "觉得累", "写完", "写代码", "写好", "书房", "每个人", "每位", "每人", "的时候不早", "时候不早",
    "要不", "特别", "区别", "别的", "别人都", "级别", "没别的", "别聊", "别闹", "别扯", "别吵", "别磨蹭", "别愣", "别急", "别玩", "先别走",
];
/// Verbs of reporting.
#[rustfmt::skip]
const REPORTS: &[&str] = &[
    "说", "讲", "告诉", "叫", "让", "喊", "嚷", "吼", "问", "听说", "据说", "提议", "建议", "要求", "通知", "宣布", "写着", "写道", "提到", "回答", "嘱咐", "吩咐", "提醒", "念道", "回复说", "发消息", "发微信", "留言", "命令", "口头禅", "回了句", "来了句", "来一句", "表示", "称", "答应", "要我", "催我",
];
/// Talk about words, or about other things that show text.
#[rustfmt::skip]
const METALANGUAGE: &[&str] = &[
    "这句", "那句", "造个句", "句子", "四个字", "三个字", "两个字", "几个字", "句话", "这个词", "单词", "词组", "意思", "怎么说", "怎么讲", "怎么写", "怎么念", "怎么读", "翻译", "英文", "英语", "拼", "按钮", "按键", "口令", "台词", "歌词", "标题", "字幕", "例如", "比如", "譬如", "关键词", "造句", "念作", "读作", "这首歌", "这歌", "的歌", "首歌", "歌名", "唱的", "小说", "剧本", "电影名", "电影叫", "广播里", "我按了", "按一下", "点击", "点了", "点一下", "输入", "搜索", "搜一下",
];
#[rustfmt::skip]
const CONDITIONS: &[&str] = &[
    "如果", "要是", "假如", "假设", "假使", "倘若", "万一", "除非", "一旦", "只要", "只有", "的话", "等到", "当你", "当我", "当他", "凡是", "每当", "每次", "每逢", "无论", "不管", "就算", "即使", "哪怕", "若是",
];
/// Statements that nothing is left: no condition.
#[rustfmt::skip]
const NOTHING_LEFT: &[&str] = &[
    "没有别的", "没别的", "没什么", "没有什么", "没有其他", "没其他", "没问题的话", "没事的话", "没意见的话", "没有问题", "没啥", "没有补充", "没有的话", "没意见", "没人反对", "没有异议", "没异议",
];
const WAITS: &[&str] =
    &["等他", "等她", "等我", "等人", "等大", "等老", "等一", "等客", "等你", "等所", "等开", "等吃"];
#[rustfmt::skip]
const SUBORDINATE: &[&str] = &[
    "的时候", "时", "之后", "以后", "之前", "以前", "后", "前", "再", "才", "就", "为了", "关于", "由于", "至于", "对于", "那天", "那会", "期间", "同时",
];
/// Mentions of a story.
pub const STORY_WORDS: &[&str] = &[
    "剧里",
    "电影里",
    "片子里",
    "小说里",
    "书里",
    "戏里",
    "游戏里",
    "梦里",
    "动画里",
    "视频里",
    "节目里",
    "故事里",
    "综艺里",
    "漫画里",
    "片里",
    "歌里",
    "课本里",
    "剧情",
];
/// Times; they restrict as the only content of a clause.
#[rustfmt::skip]
const TIMES: &[&str] = &[
    "明天", "后天", "明早", "明晚", "今晚", "下周", "下个月", "下午", "晚上", "早上", "上午", "中午", "待会", "一会", "过会", "回头", "稍后", "等会", "晚点", "改天", "下次", "下回", "以后", "到时候", "周一", "周二", "周三", "周四", "周五", "周六", "周日", "星期", "礼拜", "点钟", "点半", "分钟后", "小时后", "昨天", "前天", "上周", "上次", "刚才", "每天", "天天",
];
/// Times in the past, and frequency.
#[rustfmt::skip]
const PAST: &[&str] = &[
    "昨天", "昨晚", "前天", "上周", "上次", "上回", "上个月", "去年", "当时", "那天", "那次", "那时", "后来", "从前", "当年", "小时候", "结果", "曾经", "以前", "刚才", "刚刚", "经常", "总是", "老是",
];
const HABITS: &[&str] =
    &["每天", "每周", "每次", "每回", "每晚", "每早", "天天", "总是", "老是", "经常", "一般", "通常"];
const OTHERS: &[&str] = &["他", "她", "它", "谁", "有人", "别人", "对方", "你们", "老板", "领导", "同事"];
/// Verbs that take the command as their object.
#[rustfmt::skip]
const GOVERNING: &[&str] = &[
    "忘了", "忘记", "敢", "记得", "准备", "打算", "想", "要", "需要", "应该", "该", "可以", "能", "得", "试着", "试试", "学会", "学着", "负责", "同意", "决定", "喜欢", "讨厌", "怕", "知道", "以为", "觉得", "认为", "感觉", "发现", "看见", "看到", "听到", "听见", "想到", "梦见", "梦到", "希望", "是", "就是", "不是", "叫", "像", "像是", "关于", "包括", "负责", "帮他", "帮她", "替他", "一起", "正在", "在", "去", "来不及", "不想", "不敢", "不能", "不会", "不用", "拒绝", "选择", "考虑", "讨论",
];
const DENIALS: &[&str] =
    &["别", "不要", "先别", "不用", "千万别", "没", "没有", "还没", "不", "先不", "不能", "不许", "不准", "不必"];
const HYPOTHETICAL: &[&str] = &[
    "本来",
    "原本",
    "原来想",
    "早知道",
    "要是能",
    "希望",
    "差点",
    "差一点",
    "好想",
    "恨不得",
    "幻想",
    "假装",
    "梦见",
    "梦到",
    "打算",
    "计划",
];
const CORRECTIONS: &[&str] = &[
    "算了",
    "开玩笑",
    "不对",
    "慢着",
    "且慢",
    "不是",
    "哦不",
    "别了",
    "先别",
    "还是别",
    "还是不",
    "取消",
    "骗你",
    "逗你",
    "说错",
    "讲错",
    "口误",
    "搞错",
    "不要了",
    "没说",
    "不是说",
    "先不",
    "当我没",
    "别开",
];
const PAUSES: &[&str] = &["等等", "等一下", "等会", "等下", "等我"];
/// Predicates about the command itself.
#[rustfmt::skip]
const PREDICATE_STARTS: &[&str] = &[
    "的", "是", "这", "很", "太", "真", "非常", "特别", "挺", "有点", "不太", "没", "不", "失败", "成功", "花", "用了", "需要", "会", "能", "可以", "才", "都", "也", "却", "又", "还", "压力", "难", "难道", "怎么", "为什么", "什么", "哪", "几", "多", "累", "好累", "好难", "好烦", "烦", "容易", "麻烦死", "对吧", "对不对", "有什么", "有啥", "算", "叫", "名", "室", "这样", "那样", "等于", "比", "跟", "和", "要多", "画", "涂",
];
const HARMLESS_PREDICATES: &[&str] = &[
    "没事",
    "没别",
    "没什么",
    "没啥",
    "没问题",
    "没人",
    "都",
    "不聊",
    "不早",
    "不好意思",
    "不说",
    "不等",
    "不然",
    "不用了谢",
    "还有",
    "太晚",
    "太累",
    "太困",
    "真累",
    "好累",
    "累",
    "不用再",
    "可以了",
    "没时间",
    "不急着",
    "才刚到",
];
const QUESTIONS: &[&str] = &[
    "吗",
    "什么意思",
    "为什么",
    "怎么样",
    "怎么回",
    "怎么办",
    "啥意思",
    "谁",
    "是不是",
    "有没有",
    "要不要",
    "能不能",
    "好不好",
    "对不对",
];

/// What the speaker wants from the command: 我看看编译到哪了.
const PURPOSES: &[&str] = &[
    "我理",
    "我捋",
    "我过一",
    "我对一",
    "我翻",
    "我瞄",
    "我核",
    "我确认",
    "有没有报",
    "有没有错",
    "有没有问题",
    "看看",
    "看一下",
    "看下",
    "瞧瞧",
    "瞅瞅",
    "顺便",
    "我看",
    "我想看",
    "我要看",
    "让我看",
    "我瞧",
    "我瞅",
    "我想知道",
    "我要知道",
    "给我看",
    "给我说",
    "告诉我",
    "我听",
    "我查",
    "我们看",
    "咱们看",
    "大家看",
    "说说",
    "念给",
    "读给",
];

/// The outcome of something.
const OUTCOMES: &[&str] = &[
    "没",
    "不",
    "笑",
    "愣",
    "哭",
    "试过",
    "意见",
    "发现",
    "结果",
    "怎么",
    "哪",
    "什么",
    "反应",
    "做梦",
    "想得美",
    "看了",
    "听了",
    "反对",
];

/// True for a clause that may follow a command without punctuation.
pub fn is_independent(clause: &str, command: &str) -> bool {
    // 明天见客户.
    if command.ends_with('见') || command.ends_with('聊') {
        return ["我", "谢谢", "大家", "各位", "咱", "辛苦"].iter().any(|word| clause.starts_with(word));
    }
    #[rustfmt::skip]
    const OWN: &[&str] = &[
        "我要", "我得", "我先", "我还", "我去", "我看", "我想", "我理", "我捋", "我过一", "我对一", "我翻", "我瞄", "我核", "我确认", "我来", "我这", "我们要", "我们得", "我们还", "我有", "咱", "你给", "你帮", "你把", "你也", "大家", "各位", "谢谢", "多谢", "辛苦", "麻烦", "人家", "人都", "客户", "我妈", "我爸", "我老", "我朋友", "我同", "我女", "我儿", "我男", "孩子", "老师", "老板", "领导", "快", "赶紧", "吃饭", "下班", "今天", "明天", "有事", "还有事", "帮", "请", "给我", "有没有报", "有没有错", "有没有问题", "看看", "看一下", "看下", "瞧瞧", "瞅瞅", "顺便", "好了", "行了",
    ];
    OWN.iter().any(|word| clause.starts_with(word))
}

/// How a clause before a command restricts it.
pub fn before(clause: &str, is_last: bool, command: &str, is_separated: bool) -> Vec<Strength> {
    let own = clause.strip_prefix("让我").unwrap_or(clause);
    let own = ["不过", "但是", "可是"].iter().find_map(|word| own.strip_prefix(word)).unwrap_or(own);
    let own = without_topics(&without_hours(own));
    let plain = HARMLESS.iter().fold(own, |plain, word| plain.replace(word, "了"));
    let bare = plain.trim_end_matches(['啊', '呀', '哈', '嘛', '呢', '哦', '吧', '的']);
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let ends = |words: &[&str]| words.iter().any(|word| bare.ends_with(word));
    let mut strengths = Vec::new();
    if has(METALANGUAGE) {
        strengths.push(Strength::Any);
    }
    // 我妈喊我吃饭，拜拜.
    let is_called = is_farewell(command)
        && ["喊我", "叫我", "催我", "让我", "找我", "要我"].iter().any(|word| plain.contains(word))
        && !plain.contains('说');
    if has(REPORTS) && !is_called {
        let open = REPORTS.iter().any(|word| bare.ends_with(word) || bare.ends_with(&format!("{word}了")));
        // 我让他帮我看看.
        let open = (open || !is_separated) && is_last;
        let to_somebody = ["跟", "对", "和", "告诉", "命令", "吩咐"].iter().any(|word| plain.contains(word));
        strengths.push(match (open, to_somebody) {
            (true, _) => Strength::Any,
            (false, true) => Strength::Strong,
            // The report is complete: 测试说构建红了.
            (false, false) => Strength::Bare,
        });
    }
    let is_left = NOTHING_LEFT.iter().any(|word| clause.contains(word));
    if (has(CONDITIONS) || plain.starts_with('等')) && !is_left {
        strengths.push(if is_last { Strength::Any } else { Strength::Strong });
    }
    if has(HYPOTHETICAL) {
        strengths.push(if is_last { Strength::Any } else { Strength::Bare });
    }
    if has(HABITS) {
        strengths.push(Strength::Strong);
    }
    if has(PAST) || has(OTHERS) || !is_left && names_other(&plain, command) {
        strengths.push(Strength::Weak);
    }
    if QUESTIONS.iter().any(|word| plain.contains(word)) {
        strengths.push(Strength::Bare);
    }
    if is_last {
        let is_time = TIMES.iter().any(|word| plain.contains(word)) && is_short(&plain) && !plain.ends_with('了');
        if is_time || SUBORDINATE.iter().any(|word| plain.ends_with(word)) || ends(DENIALS) {
            strengths.push(Strength::Any);
        }
        if GOVERNING.iter().any(|word| bare.ends_with(word) || bare.ends_with(&format!("{word}着"))) {
            strengths.push(Strength::Any);
        }
        if is_short(&plain) && !is_whole(&plain) {
            strengths.push(if length(&plain) <= 3 { Strength::Bare } else { Strength::Weak });
        }
    } else if TIMES.iter().any(|word| plain.contains(word)) {
        strengths.push(Strength::Weak);
    }
    strengths
}

/// Removes the time of day: 五点半了, 都十二点了.
fn without_hours(clause: &str) -> String {
    let is_number = |letter: char| letter.is_ascii_digit() || "零一二两三四五六七八九十".contains(letter);
    let mut plain = clause.to_owned();
    while let Some(end) = plain.find('点').map(|at| at + '点'.len_utf8()) {
        let front = plain[..end - '点'.len_utf8()].trim_end_matches(is_number);
        let rest = plain[end..].trim_start_matches(|by: char| is_number(by) || "半钟多整过刻分来".contains(by));
        let is_hour = front.len() + '点'.len_utf8() < end && rest.starts_with('了');
        if !is_hour {
            break;
        }
        let front = ["上午", "下午", "早上", "晚上", "中午", "凌晨", "傍晚"]
            .iter()
            .find_map(|time| front.strip_suffix(time))
            .unwrap_or(front);
        plain = format!("{front}{rest}");
    }
    plain
}

/// Removes topics that are dropped: 不说奶茶了, 别聊球了.
fn without_topics(clause: &str) -> String {
    let mut plain = clause.to_owned();
    for word in ["不说", "不聊", "不扯", "不谈", "不讲", "别说", "别聊", "别扯", "别讲", "不提"] {
        let Some(at) = plain.find(word) else { continue };
        let topic = plain[at + word.len()..].split('了').next().unwrap_or_default();
        let end = at + word.len() + topic.len();
        if topic.chars().count() <= 6 && plain[end..].starts_with('了') {
            plain.replace_range(at..end, "");
        }
    }
    plain
}

/// Without punctuation, the command is a clause of its own if the clause before it has ended, or if the command names
/// its addressee.
pub fn is_ended(clause: &str, command: &str) -> bool {
    clause.ends_with(['了', '吧', '啊', '呀', '咯', '嘞', '啦', '呗', '哈', '呢', '好', '8', '就'])
        || NOTHING_LEFT.iter().any(|word| clause.contains(word)) && length(clause) <= 8
        || ["大家", "各位", "诸位"].contains(&clause)
        || ["你", "麻烦", "请", "劳驾"].iter().any(|word| command.starts_with(word))
        || length(clause) > 6 && ["帮我", "给我", "咱们"].iter().any(|word| command.starts_with(word))
}

/// True if the words are said or written by others, or belong to another time.
fn names_other(plain: &str, command: &str) -> bool {
    let learnt = ["学", "教", "发", "练", "写", "唱", "念", "打字", "回了", "字", "习惯", "想"];
    match is_farewell(command) {
        true => learnt.iter().any(|word| plain.contains(word)),
        false => unlisted::names_other(plain, command),
    }
}

fn is_farewell(command: &str) -> bool {
    ["拜", "再见", "晚安", "88", "聊", "回见", "挂"].iter().any(|word| command.contains(word))
        && !command.contains("模式")
}

/// True for a short clause that is a statement, not only a name.
fn is_whole(plain: &str) -> bool {
    #[rustfmt::skip]
    const STATEMENT_WORDS: &[&str] = &[
        "了", "着", "过", "在", "有", "到", "齐", "来", "去", "开", "完", "好", "忙", "累", "困", "饿", "行", "能", "会", "不", "没", "走", "吧", "呢", "啊", "呀", "谢", "辛苦", "嗯", "哎", "喂", "嘿", "对", "是", "嘞", "咯", "拜", "早", "晚", "小智", "各位", "大家",
    ];
    STATEMENT_WORDS.iter().any(|word| plain.contains(word))
}

/// True for an instruction on how to do it: 莫漏了哪个说的话, 一个字都别落下.
fn is_warning(clause: &str) -> bool {
    let denies = ["别", "莫", "不要", "不许", "不能", "可别"].iter().any(|word| clause.contains(word));
    denies
        && ["漏", "落下", "落了", "错过", "断了", "丢了", "忘记录", "忘了录", "忘了记"]
            .iter()
            .any(|word| clause.contains(word))
}

/// How a clause after a command restricts it.
pub fn behind(clause: &str, is_first: bool, command: &str) -> Vec<Strength> {
    if is_warning(clause) {
        return Vec::new();
    }
    let plain = HARMLESS.iter().fold(clause.to_owned(), |plain, word| plain.replace(word, "了"));
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let starts = |words: &[&str]| words.iter().any(|word| clause.starts_with(word));
    let sighed = clause.trim_start_matches(['哎', '哦', '啊', '呃', '额', '唉', '那', '嗯', '诶', '噢', '，']);
    let corrects = CORRECTIONS.iter().any(|word| sighed.starts_with(word));
    let mut strengths = Vec::new();
    if has(METALANGUAGE) || corrects || is_short(clause) && starts(PAUSES) {
        strengths.push(Strength::Any);
    }
    if has(CONDITIONS) && !NOTHING_LEFT.iter().any(|word| clause.contains(word)) || starts(WAITS) {
        strengths.push(Strength::Any);
    }
    let is_said = ["他说", "她说", "们说", "人说", "说的", "说过", "说道", "喊道", "的话"]
        .iter()
        .any(|word| plain.contains(word));
    if is_said {
        strengths.push(Strength::Any);
    } else if has(REPORTS) && (has(OTHERS) || REPORTS.iter().any(|word| plain.ends_with(word))) {
        strengths.push(Strength::Weak);
    }
    // 我看了半天 is a report.
    let is_further_request =
        PURPOSES.iter().filter_map(|word| clause.strip_prefix(word)).any(|rest| rest.starts_with(['了', '过']));
    // 我要查一下为什么没过.
    let wants = ["我要", "我想", "我得", "我需要", "我们要", "我们得"]
        .iter()
        .filter_map(|word| clause.strip_prefix(word))
        .any(|rest| {
            ["看", "查", "知道", "确认", "了解", "搞清", "弄清", "听", "找", "定位"]
                .iter()
                .any(|verb| rest.starts_with(verb))
        });
    let is_purpose = (starts(PURPOSES) || wants) && !is_further_request && !command.starts_with('我');
    if has(QUESTIONS) && !is_purpose {
        strengths.push(Strength::Bare);
    }
    if starts(&["之前", "之后", "以后", "以前", "的时候", "那天", "前", "后"])
        || is_first && starts(&["是"]) && !starts(&["是的", "是啊"])
    {
        strengths.push(Strength::Any);
    }
    if starts(&["但", "可是", "不过", "然而"]) {
        strengths.push(Strength::Any);
    }
    let asks_more = is_purpose || starts(&["我想", "我要", "我得", "我来", "帮", "你帮", "你给", "请", "麻烦", "给我"]);
    if (has(PAST) || has(HABITS)) && !asks_more {
        // 读一下日志，刚才好像挂了: the past clause is the reason.
        let is_reason = ["日志", "构建", "编译", "log", "build"].iter().any(|word| command.contains(word));
        strengths.push(if is_reason && !has(HABITS) { Strength::Weak } else { Strength::Bare });
    }
    let is_farewell = ["拜", "再见", "晚安", "88", "聊", "回见", "挂"].iter().any(|word| command.contains(word));
    if has(OUTCOMES) && !is_purpose {
        strengths.push(Strength::Weak);
    }
    if is_farewell {
        strengths.retain(|strength| *strength == Strength::Any);
        // 我不聊了，她还一直发.
        if starts(OTHERS) && has(&["还", "却", "又", "居然", "偏"]) {
            strengths.push(Strength::Bare);
        }
    }
    if is_first && !is_farewell {
        let is_closed = command.ends_with(['吧', '啊', '哈', '呗', '了', '嘛']);
        if starts(PREDICATE_STARTS) && !starts(HARMLESS_PREDICATES) {
            strengths.push(if is_closed { Strength::Weak } else { Strength::Strong });
        }
        let time = TIMES.iter().filter_map(|word| clause.strip_prefix(word)).min_by_key(|rest| rest.len());
        if let Some(rest) = time
            && (length(rest) <= 1 || rest.starts_with(['再', '才']) || rest.contains("再说"))
        {
            strengths.push(Strength::Any);
        }
        if OTHERS.iter().any(|word| clause.starts_with(word)) && !is_closed {
            strengths.push(Strength::Bare);
        }
    }
    strengths
}

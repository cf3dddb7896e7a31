//! Farewells. Rule: one ends the conversation where it is said to the device and is all that was said; words that
//! often go before a farewell, and often before something else, are doubtful alone.

use crate::path::{Marks, Ways};

#[rustfmt::skip]
const FAREWELLS: [&str; 98] = [
    "再见", "先再见", "先拜拜", "88", "886", "白白", "再会", "拜拜", "拜", "拜拜了您", "拜拜了您嘞", "回见", "回头见", "回头聊", "下次见", "下回见", "下次聊", "下次再聊",
    "待会见", "待会儿见", "一会见", "一会儿见", "等会见", "晚点见", "晚点聊", "明天见", "明儿见", "明早见", "改天见", "改天聊",
    "改天再聊", "明天聊", "明天再聊", "后天见", "下周见", "周一见", "后会有期", "晚安", "好梦", "退下", "你退下", "你先退下",
    "挂了", "挂断", "挂断吧", "先挂了", "不聊了", "先不聊了", "不跟你聊了", "不和你聊了", "不说了再见", "结束对话", "结束聊天",
    "结束通话", "关闭对话", "退出对话", "退出聊天", "停止对话", "停止聊天", "结束这次对话", "休眠", "进入休眠", "休眠模式", "去休眠",
    "待机", "进入待机", "去睡觉", "你去睡觉", "你睡觉去", "你去睡", "你休息", "你去休息", "去休息", "你先休息", "你可以休息了",
    "你可以退下了", "你可以睡觉了",
    "bye", "bye bye", "goodbye", "good bye", "byebye", "bye now", "bye for now", "good night", "goodnight", "night night",
    "see you", "see ya", "see you later", "farewell", "so long", "cheerio", "go to sleep", "stop listening", "hang up",
    "you can go to sleep", "sleep now",
];
const ENGLISH: [&str; 46] = [
    "see you soon",
    "see you tomorrow",
    "see you next time",
    "see you around",
    "see you then",
    "see you again",
    "see ya later",
    "see you tonight",
    "see you later alligator",
    "talk to you later",
    "talk to you soon",
    "talk to you tomorrow",
    "talk later",
    "talk soon",
    "catch you later",
    "speak to you later",
    "speak soon",
    "until next time",
    "till next time",
    "have a good day",
    "have a nice day",
    "have a great day",
    "have a good night",
    "have a nice evening",
    "have a good evening",
    "have a good one",
    "take care",
    "sweet dreams",
    "end the conversation",
    "end conversation",
    "end this conversation",
    "end the chat",
    "end this chat",
    "end the call",
    "end our conversation",
    "close the conversation",
    "stop the conversation",
    "finish the conversation",
    "quit the conversation",
    "exit the conversation",
    "leave the conversation",
    "end chat",
    "you may go to sleep",
    "go back to sleep",
    "good bye now",
    "good night then",
];
/// Before a farewell they belong to it; alone they may be anything.
#[rustfmt::skip]
const WEAK: [&str; 70] = [
    "先这样", "就到这里", "先到这里", "今天就聊到这里", "就这样", "那就这样", "那先这样", "就先这样", "今天就到这里", "今天就到这", "今天先到这里", "今天先聊到这里", "先聊到这里",
    "就聊到这里", "聊到这里", "今天就聊到这", "没事了", "没事", "没别的事了", "没什么事了", "没有了", "没了", "没有别的事了", "不用了",
    "不需要了", "不打扰了", "不打扰你了", "我走了", "我先走了", "我要走了", "我得走了", "走了", "先走了", "我去忙了", "我先去忙了", "我忙去了",
    "我要忙了", "我睡了", "我先睡了", "我去睡了", "我要睡了", "我要睡觉了", "我去睡觉了", "我要去睡觉了", "我下线了", "下线了", "我撤了", "撤了",
    "我挂了", "我出门了", "我要出门了", "睡觉", "休息", "睡吧", "that's all", "that is all", "that will be all", "that'll be all",
    "that's it", "that's all for now", "that's all for today", "nothing else", "no thanks", "no thank you", "i'm done",
    "i am done", "i have to go", "i've got to go", "i gotta go", "i'm leaving",
];
const WEAKER: [&str; 14] = [
    "gotta go",
    "i need to go",
    "i must go",
    "i'm off",
    "i'm going to bed",
    "i'm going to sleep",
    "i'm heading out",
    "nice talking to you",
    "it was nice talking to you",
    "it was nice chatting",
    "we're done",
    "later",
    "晚了",
    "nothing more",
];

/// 明天见, 下次再聊.
const AGAIN: [&str; 22] = [
    "明天",
    "后天",
    "下次",
    "下回",
    "回头",
    "改天",
    "改日",
    "待会",
    "一会",
    "等会",
    "过会",
    "晚点",
    "晚上",
    "明早",
    "下周",
    "周一",
    "下周一",
    "有空",
    "有机会",
    "我们下次",
    "我们明天",
    "咱们下次",
];

/// A farewell, led up to or not.
pub fn core<'t>(ways: &Ways<'t>) -> Ways<'t> {
    let between = [
        "吧",
        "啊",
        "啦",
        "了",
        "那",
        "那么",
        "好",
        "好的",
        "谢谢",
        "谢谢你",
        "好了",
        "so",
        "ok",
        "okay",
        "thanks",
        "thank you",
    ];
    let weak = |ways: &Ways<'t>| ways.word(&WEAK).or(&ways.word(&WEAKER)).many(|ways| ways.word(&between));
    let lead = |ways: &Ways<'t>| weak(ways).or(&ways.word(&["no", "nope", "没有"]));
    let sure = ways.any(&[&sure, &|ways| sure(&ways.some(lead))]);
    let alone = ways.maybe(|ways| ways.word(&["no", "没有"])).some(weak);
    sure.or(&alone.mark(Marks::WEAK))
}

/// A farewell that is nothing else.
pub fn sure<'t>(ways: &Ways<'t>) -> Ways<'t> {
    let again = ways.word(&AGAIN).maybe(|ways| ways.word(&["再"])).word(&["见", "聊", "聊聊", "说"]);
    ways.word(&FAREWELLS).or(&ways.word(&ENGLISH)).or(&again)
}

//! Farewells. Rule: a farewell ends the conversation if it is addressed to the device and is the whole utterance;
//! phrases that often precede a farewell, but also other things, are a doubt when alone.

use crate::path::{Flags, Paths};

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
/// Part of a farewell when in front of one; ambiguous alone.
#[rustfmt::skip]
const WEAK: [&str; 125] = [
    "i don't need anything else", "i don't need anything more", "don't need anything else", "i need nothing else", "nothing more from me", "i don't need you anymore today", "i don't need you any more today",
    "先这样", "就到这里", "先到这里", "就这样", "那就这样", "那先这样", "就先这样", "今天就到这里", "今天就到这", "今天先到这里",
    "没事", "没有了", "没了", "不用了",
    "不需要了", "走了", "先走了",
    "下线了", "撤了",
    "睡觉", "休息", "that's all", "that is all",
    "that's it", "nothing else", "no thanks", "no thank you", "i'm done",
    "i am done",
    "that's me for tonight", "that's me for today", "that's me for now", "that's me done", "that's me", "that's us", "that's us for today",
    "你不用说了", "不用说了", "你不用念了", "好好休息", "没你的事了", "没什么了", "就这么多", "就这些", "就这些了", "今天够了", "聊够了", "差不多了",
    "have fun", "love you", "love ya", "爱你", "周末快乐", "新年快乐", "节日快乐", "生日快乐", "中秋快乐", "merry christmas", "happy new year", "happy weekend", "happy friday", "happy holidays", "good luck", "nice one", "you've been a great help", "you've been very helpful", "you've been helpful", "you've been a star", "that helps", "that was helpful", "that's helpful", "that's really helpful", "that helped", "early start tomorrow", "up early tomorrow", "school tomorrow", "work tomorrow", "work in the morning", "big day tomorrow", "busy day tomorrow", "long day tomorrow", "yawn", "lights out", "sleepy time", "time to sleep", "early morning tomorrow", "got work tomorrow", "不用陪我了", "不用陪我聊了",
    "明天还要早起", "明天要早起", "明天早起", "明早有课", "明早要早起", "明天上班", "明天还得上班", "明天还要上班", "明天有课", "明天上学", "明天还要上学", "明早还有课", "duty calls", "lunch calls", "dinner calls", "bed calls", "bed's calling", "makes sense", "that makes sense", "that answers it", "that answers my question", "early flight", "early flight tomorrow", "can't keep my eyes open", "i can't keep my eyes open", "i've got a meeting", "i've got a call", "long day", "what a day",
];
const WEAKER: [&str; 7] = [
    "nice talking to you",
    "it was nice talking to you",
    "it was nice chatting",
    "we're done",
    "later",
    "晚了",
    "nothing more",
];

/// Times of the next meeting: 明天见, 下次再聊.
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

/// Wishes for those who stay.
#[rustfmt::skip]
const WISHES: [&str; 38] = [
    "做个好梦", "做个美梦", "好梦", "祝你好梦", "祝你晚安", "祝好梦", "睡个好觉", "早点休息", "早点睡", "你也早点休息", "你也晚安", "保重", "多保重", "再会了", "一路顺风", "周末愉快",
    "晚安好梦", "晚安晚安", "么么哒", "我会想你的", "sleep well", "sleep tight", "sweet dreams", "have a good sleep", "have a good rest", "have a nice night", "have a lovely evening", "have a lovely day",
    "have a good weekend", "have a great weekend", "have a nice weekend", "have a great evening", "have a great night", "don't let the bed bugs bite", "until tomorrow", "till tomorrow", "till then", "until then",
];
#[rustfmt::skip]
const MORE: [&str; 531] = [
    "that's me done chatting", "that's me done talking", "ta-ta",
    "you can go to sleep now", "you can go back to sleep", "you can go back to sleep now", "that'll be all for tonight", "that'll be all for now", "that will be all for tonight",
    "that will be all for today", "先跟你说拜拜", "先跟你说再见", "跟你拜拜了", "先不跟你说了", "先不和你说了", "不跟你说了拜", "先不跟你说了拜", "先不跟你说了拜拜", "就先跟你说拜拜", "先跟你拜拜", "先跟你说声拜拜",
    "拜了个拜", "拜拜咯", "撒由那拉", "古德拜", "拜一拜", "拜拜嘞", "就聊到这里", "先聊到这里", "聊到这里", "今天就聊到这里", "今天先聊到这里", "那就聊到这里", "就聊到这", "先聊到这", "今天就聊到这", "咱们就聊到这里", "我们就聊到这里",
    "没事了", "没什么事了", "没别的事了", "没有别的事了", "没其他事了", "去睡吧", "你去睡吧", "你睡吧", "睡吧", "去休息吧", "你休息吧", "休息吧", "你可以睡了", "可以去睡了", "可以睡觉了", "可以退下了", "可以休息了",
    "退下吧", "你可以走了", "别听了", "不用听了", "停止聆听", "停止监听", "聊天结束", "对话结束", "通话结束", "挂电话", "挂掉电话", "挂断电话", "挂掉", "咱们回头聊", "不跟你说了", "不和你说了", "先不说了", "不说了", "不打扰你了", "不打扰了", "先这样吧拜", "有事再叫你", "有事再找你", "有事再喊你", "有需要再叫你",
    "nighty night", "nighty nite", "night night", "night", "nite", "goodnite", "g'night", "good nite", "bye then", "ciao", "adios", "adieu", "au revoir", "ta ta", "ta ta for now", "toodles", "toodle oo", "toodle pip", "peace out", "laters", "see you in the morning", "see you in a bit",
    "see you in a while", "see you on monday", "see you next week", "see you later then", "see you soon then", "see you guys", "catch you soon", "catch you around", "catch ya later", "catch you tomorrow", "talk to ya later", "talk to you again", "talk to you again soon", "talk to you next time", "speak to you soon", "speak to you tomorrow", "speak later", "chat later", "chat soon", "chat to you later", "chat with you later",
    "ttyl", "bbye", "buh bye", "bubye", "so long then", "that's all for now", "that's all for today", "that is all for now", "that is all for today", "that's it for now", "that's it for today", "that will be all for now", "that'll be all for today", "that's all i need", "that's all i needed", "that's everything for now", "that's everything for today",
    "nothing else for now", "go to bed", "sleep", "you can sleep now", "you can sleep", "you can rest now", "you can rest", "get some rest", "get some sleep", "you can stop listening", "you can stop listening now", "don't listen anymore", "stop listening to me", "go to standby", "go on standby", "standby", "you can go now", "you can go", "you may go",
    "you're dismissed", "hang up the call", "hang up now", "end call", "end the chat session", "end the session", "close the chat", "stop the chat", "stop chatting", "quit the chat", "leave the chat", "exit the chat",
    "回聊", "that'll be all", "that will be all",
    "你歇着", "你歇吧", "你歇会", "你歇着吧", "你先歇着", "回头再聊", "回头再说", "先撤了", "我撤了", "先走一步", "我先走一步", "下线了拜", "不唠了", "先不唠了", "就唠到这里", "不聊了拜", "不跟你唠了", "先睡了", "我先睡了", "挂了挂了", "拜拜您嘞", "再见您嘞", "晚安您嘞", "talk to you in the morning", "talk tomorrow", "see you later love", "night then", "night all", "good night all", "speak tomorrow", "bye love", "cheers bye",
    "你也歇着", "你也歇着吧", "你也歇歇", "你也睡吧", "你也休息吧", "你也早点睡",
 "歇着吧你", "你歇着去", "你歇着去吧", "你休息去", "你休息去吧", "你睡觉去吧", "你睡去吧", "回见了", "回见了您", "回见您呐", "回见您嘞", "改天再唠", "下回再唠", "下次再唠", "回头再唠", "明天再唠", "有空再唠", "有空再聊", "有空聊", "得空再聊", "就唠到这", "今天唠到这里", "先这么着", "那先这么着", "就这么着", "走啦", "撤啦", "闪了", "溜了", "挂啦", "我挂了", "那我挂了", "我先挂了", "我挂了拜", "挂了拜", "挂电话了", "我挂电话了", "先忙了", "先忙去了", "忙去了", "我忙去了", "去忙了", "我去忙了", "我先去忙了", "先去忙了", "不陪你了", "不陪你聊了", "不陪你唠了", "不耽误你了", "不耽误你休息了", "不吵你了", "不烦你了", "没你事了", "没你的事了", "没你什么事了", "关机吧", "你关机吧", "关机睡觉", "可以关机了", "待命吧", "先待命", "你先待命", "您歇着", "您歇着吧", "您忙", "您慢走", "慢走", "慢走不送", "江湖再见", "后会有期", "青山不改", "再会再会", "祝你好梦", "祝好梦", "做个好梦", "睡个好觉", "早睡", "早点睡觉", "早点歇着", "早些休息", "晚安了", "先睡为敬", "明天继续", "咱明天继续", "咱们明天继续聊", "咱们明天聊", "咱明天聊", "咱回头聊", "咱改天聊", "咱下次聊", "goodbye for now", "goodbye then", "goodbye now", "good bye then", "bye bye now", "bye bye then", "bye for today", "bye till tomorrow", "bye till next time", "byesie bye", "see ya in the morning", "see ya tomorrow", "see ya soon", "see ya around", "see ya next time", "see ya in a bit", "see you in the afternoon", "see you this evening", "see you tomorrow morning", "see you in a few", "see you anon", "see you on the flip side", "catch you on the flip side", "catch you on the other side", "catch you in a bit", "catch you in the morning", "catch you next time", "catch you then", "catch ya", "catch ya soon", "catch ya tomorrow", "ta ra", "ta ra then", "ta ra for now", "tara", "tara a bit", "ta ta then", "tatty bye", "toodle oo then", "toodeloo", "toodaloo", "pip pip", "cheery bye", "cheers then", "cheerybye", "hasta la vista", "hasta luego", "sayonara", "arrivederci", "auf wiedersehen", "au revoir then", "godspeed", "that's me away", "that's me off", "that's me gone", "that's me off now", "that's me off to bed", "you can hang up now", "you can hang up", "you can go quiet now", "you can switch off now", "you can turn off now", "you can shut down now", "shut down for the night", "shut down now for the night", "switch off for the night", "power down", "power down for the night", "off you go to sleep", "off to sleep with you", "off to bed with you", "time for you to sleep", "go to sleep mode", "go into sleep mode", "sleep mode", "enter sleep mode", "go dormant", "go take a nap", "take a nap", "have a rest", "take a rest", "rest up", "rest well", "sleep tight then", "nighty night then", "nighty nighty", "night love", "night mate", "night buddy", "night now", "good night now", "good night love", "good night buddy", "goodnight then", "goodnight now", "goodnight love", "goodnight all", "goodnight everyone", "'night", "talk to you in a bit", "talk to you this evening", "talk to you tonight", "talk again soon", "talk again tomorrow", "talk again later", "let's talk later", "let's talk tomorrow", "let's talk again later", "let's chat later", "let's chat tomorrow", "let's pick this up tomorrow", "let's pick this up later", "we'll talk later", "we'll talk tomorrow", "we'll talk again", "we'll chat later", "we'll speak soon", "chat tomorrow", "speak in the morning", "chat in the morning", "until later", "till later", "till next time then", "that'll be all thanks", "that's all from me", "that's it from me", "that's all folks", "that's all for tonight", "that is all for tonight", "that'll do for tonight", "that'll do for today", "that'll do for now", "that's your lot", "that's me for the night", "that's me for the day", "no more talking for today", "you're free to go", "you are free to go", "you're off the hook", "as you were", "at ease", "stand down", "dismissed", "over and out", "signing out", "logging off", "logging out", "have a good rest of your day", "have a lovely one", "have a lovely night", "have a lovely evening", "have a great rest of your day", "have a nice one", "have a good sleep", "enjoy your evening", "enjoy your day", "enjoy the rest of your day", "enjoy your weekend", "mind how you go", "look after yourself", "stay safe", "be good", "be seeing you", "keep well", "all the best",
    "不用说了歇着吧", "你不用说了歇着吧", "别说了歇着吧", "你别说了歇着吧", "不聊了歇着吧", "不用念了歇着吧", "没事了歇着吧", "没你事了歇着吧",
    "let me get going", "let me run", "let me head out", "let me get some sleep", "let me get to bed", "let me let you go", "你可以下去了", "你下去吧", "可以下去了", "你先下去吧", "下去吧你", "退下吧你", "你退下吧", "see you when i see you", "i'm away to my bed", "sleep time for me", "sleepy time for me", "bed for me", "明天再找你", "有空再找你", "回头再找你", "下次再找你", "改天再找你", "有事再找你聊", "i'll be seeing you", "有缘再见",
    "先不聊", "先不说", "拜拜了您呐", "再见了您呐", "拜拜了您", "那先不聊", "先不跟你聊", "先不跟你聊了", "先不和你聊了", "咱先不聊了", "你可以挂断了", "你可以挂了", "可以挂断了", "可以挂了", "你挂断吧", "你挂了吧", "可以断开了", "你可以关了", "你可以断了",
    "有事我再叫你", "有事我叫你", "有事叫你", "有事喊你", "有事我再找你", "有事我喊你", "祝你今晚好梦", "祝你做个好梦", "祝你今晚做个好梦", "祝你周末愉快", "祝你睡个好觉",
];
const I: [&str; 12] = ["我", "那我", "我们", "咱们", "我这边", "本人", "姐", "哥", "俺", "那我们", "我呢", "那咱们"];
const NOW: [&str; 40] = [
    "先",
    "就",
    "得",
    "要",
    "该",
    "也",
    "去",
    "现在",
    "今天",
    "这就",
    "真的",
    "真",
    "必须",
    "得去",
    "该去",
    "要去",
    "准备",
    "马上",
    "差不多",
    "还是",
    "又",
    "这会",
    "今晚",
    "今天先",
    "得先",
    "要先",
    "先得",
    "真得",
    "真要",
    "快",
    "也得",
    "也要",
    "也该",
    "是得",
    "就得",
    "可得",
    "赶着",
    "急着",
    "赶紧",
    "得赶紧",
];
#[rustfmt::skip]
const GO: [&str; 60] = [
    "走", "撤", "睡", "睡觉", "休息", "下线", "挂", "忙", "忙去", "溜", "闪", "闪人", "走人", "出门", "上床", "上床睡觉", "睡觉去", "洗洗睡", "洗澡", "吃饭", "吃饭去", "回家", "出去", "忙别的", "做饭",
    "去忙", "去睡", "去睡觉", "告辞", "失陪",
    "忙了", "去忙了", "撤退", "眯会", "眯一会", "补觉", "补个觉", "睡会", "睡一会", "歇着", "歇会", "歇着去", "接孩子", "赶车", "赶地铁", "洗漱", "去接孩子", "去吃饭", "去做饭", "去洗澡", "去睡会", "去赶车", "去赶地铁", "去休息", "去歇着", "去补觉", "出门办事", "办事去",
    "下", "下去",
];
#[rustfmt::skip]
const HAVE_TO: [&str; 66] = [
    "i have to", "i've got to", "i got to", "i gotta", "gotta", "got to", "i need to", "i must", "i should", "i'd better", "i better", "i really have to", "i really need to", "i really should", "i really must", "i gotta", "have to", "i'm gonna",
    "i am gonna", "i'm going to", "i am going to", "i will", "i'll", "i think i'll", "i think i should", "i should probably", "we have to", "we gotta", "we've got to", "we need to", "we should", "time for me to", "it's time for me to", "better", "need to", "must", "i've gotta",
    "i'm just gonna", "i'm afraid i have to", "i'm afraid i've got to", "sorry i have to", "sorry i gotta", "sorry i've got to", "right i have to", "i best", "best", "i'd best", "i think i have to", "i think i need to", "i suppose i should", "i suppose i'd better", "i've really got to", "really gotta", "really must", "i shall", "i'm about to", "well i should", "i guess i should", "i guess i'll", "guess i'll", "i do have to", "i do need to", "we'd better", "i'm off to", "off to", "gonna",
];
#[rustfmt::skip]
const DEPART: [&str; 82] = [
    "go", "run", "leave", "dash", "bounce", "split", "head out", "head off", "be off", "be going", "get going", "get off", "go to bed", "go to sleep", "hit the sack", "hit the hay", "turn in", "sleep", "get some sleep", "go home", "head home", "head to bed", "rush", "sign off", "hop off", "log off",
    "go now", "run now", "leave now", "jet", "scoot", "take off", "call it a night",
    "let you go", "let you get on", "go and eat", "go eat", "feed the cat", "get to bed",
    "leave you to it", "leave you be", "leave you alone", "leave you in peace", "say goodnight", "say good night", "say goodbye", "say bye", "let you sleep", "let you rest", "see you later", "see you tomorrow", "see you soon", "see you then", "see you around", "talk to you later", "talk to you tomorrow", "talk to you soon", "speak to you later", "catch you later", "catch you tomorrow", "love you and leave you", "be on my way", "be heading off", "make a move", "make tracks", "hang up", "be off now", "be off then", "be off to bed", "get some rest", "get some shut eye", "shoot off", "shoot", "pop off", "nip off",
    "speak to you tomorrow", "speak to you soon", "chat to you later", "chat to you tomorrow", "see you in the morning", "see you next time", "see you next week",
];
#[rustfmt::skip]
const OFF: [&str; 51] = [
    "i'm off", "i am off", "i'm off to bed", "off to bed", "off to sleep", "i'm out", "i'm out of here", "i'm outta here", "i'm leaving", "i'm leaving now", "i'm going to bed", "i'm going to sleep", "i'm heading out", "i'm heading off", "i'm heading to bed", "i'm heading home", "i'm going now", "i'm gone", "i'm signing off",
    "signing off", "heading out", "i'm turning in", "i'm hitting the sack", "i'm hitting the hay", "calling it a night", "i'm calling it a night", "let's call it a night", "call it a night",
    "i'm off now", "i'm off then", "i'm off home", "i'm off out", "i'm off to sleep", "i'm off to work", "i'm away", "i'm away to bed", "i'm away home", "off i go", "off i pop", "i'm going offline", "i'm logging off", "i'm hanging up", "i'm hanging up now", "i'm heading off now", "i'm heading out now", "i'm going home", "i'm dashing", "i'm dashing off", "i'm calling it", "i'm calling it quits for tonight", "time for me to hit the hay", 
];

/// Matches a farewell, with or without an introduction.
pub fn farewell<'t>(paths: &Paths<'t>) -> Paths<'t> {
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
    let going = |paths: &Paths<'t>| going(paths).many0(|paths| paths.word(&between));
    let weak = |paths: &Paths<'t>| paths.word(&WEAK).or(&paths.word(&WEAKER)).many0(|paths| paths.word(&between));
    let lead = |paths: &Paths<'t>| weak(paths).or(&going(paths)).or(&paths.word(&["no", "nope", "没有"]));
    let sure = paths.any(&[&explicit, &|paths| explicit(&paths.many1(lead)), &|paths| explicit(paths).many1(weak)]);
    let alone = paths.optional(|paths| paths.word(&["no", "没有"])).many1(weak);
    sure.or(&going(paths)).or(&alone.with_flags(Flags::WEAK))
}

/// Matches a statement that the speaker leaves: 我先撤了, i gotta run.
fn going<'t>(paths: &Paths<'t>) -> Paths<'t> {
    // Only the speaker, not an invitation: 走吧, 睡觉.
    let chinese = paths.word(&I).many0(|paths| paths.word(&NOW)).or(&paths.many1(|paths| paths.word(&["先", "得"])));
    let gone = chinese.word(&GO).word(&["了", "啦", "咯"]);
    let slept = paths
        .optional(|paths| paths.word(&["去", "先"]))
        .word(&["睡", "睡觉", "睡觉去", "撤", "溜", "闪", "洗洗睡"])
        .word(&["了"]);
    let english = paths
        .word(&HAVE_TO)
        .optional(|paths| paths.word(&["really", "probably", "just"]))
        .word(&DEPART)
        .or(&paths.word(&OFF));
    gone.or(&slept).or(&english.many0(|paths| paths.word(&["now", "then", "soon"])))
}

/// Matches an explicit farewell.
pub fn explicit<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let again = paths.word(&AGAIN).optional(|paths| paths.word(&["再"])).word(&[
        "见",
        "聊",
        "聊聊",
        "说",
        "唠",
        "唠唠",
        "找你",
        "找你聊",
        "找你唠",
        "来找你",
        "来找你聊",
        "跟你聊",
        "陪你聊",
        "继续",
        "碰",
        "联系",
    ]);
    let short = paths.word(&FAREWELLS).or(&paths.word(&ENGLISH)).or(&paths.word(&MORE));
    short.or(&paths.word(&WISHES)).or(&again)
}

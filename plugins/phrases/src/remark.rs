//! Listed remarks beside a command: who has arrived, that all is ready, that it has lasted long enough. Rule: a remark
//! neither commands nor asks; it is accepted only for the kinds of commands that people combine it with, and any other
//! remark is left unmatched and makes the utterance talk.

use crate::frame::CommandKind;
use crate::path::{Flags, Paths};

#[rustfmt::skip]
const PEOPLE: [&str; 51] = [
    "人", "人员", "人数", "大家", "所有人", "全员", "全体", "各位", "我们", "咱们", "这边", "我们这边", "小伙伴们", "同事们", "同学们", "成员",
    "参会人员", "参会的人", "一切", "东西", "设备", "该来的", "该来的人", "每个人", "团队", "组员", "我", "我这边",
    "客户", "领导", "老板", "领导们", "老师们", "嘉宾", "对方", "客户那边", "那边", "老师", "主持人", "全组", "全组人", "咱这边", "各位领导", "各位同事", "同事", "该到的", "该到的人", "投影", "投影仪", "麦克风", "网络",
];
#[rustfmt::skip]
const ALREADY: [&str; 8] = [
    "都", "已经", "全", "全都", "基本", "基本上", "差不多", "也",
];
/// Predicates that need 了: without it they may govern what follows.
#[rustfmt::skip]
const READY: [&str; 38] = [
    "到齐了", "齐了", "来齐了", "到全了", "全了", "到了", "来了", "在了", "到场了", "就位了", "到位了", "准备好了", "准备完了", "准备就绪", "准备完毕",
    "就绪了", "坐好了", "坐下了", "上线了", "进来了", "回来了", "休息好了", "吃好了", "吃饱了", "可以了",
    "坐稳了", "坐稳当了", "坐定了", "坐齐了", "进会了", "入会了", "接入了", "连上了", "连线了", "签到了", "开好了", "弄好了", "调好了",
];
#[rustfmt::skip]
const BEGINNING: [&str; 98] = [
    "别闲聊了", "别聊了", "先别聊了", "别扯了", "别说闲话了", "别废话了", "别磨蹭了", "不闲聊了", "不扯了", "不废话了", "不多说了", "不说废话了", "不磨蹭了",
    "闲话少说", "闲话不多说", "废话少说", "废话不多说", "话不多说", "言归正传", "说正事", "说正经的", "该说正事了", "办正事", "该干正事了", "抓紧时间", "事不宜迟",
    "时间不早了", "时间差不多了", "时间到了", "到点了", "到时间了", "时候不早了", "休息结束", "休息结束了", "休息够了", "午休结束", "午休结束了", "吃饱喝足",
    "咖啡喝完了", "不等了", "不等他了", "我回来了", "准备好了", "别摸鱼了",
    "差点忘了", "差点给忘了", "哎呀差点忘了", "别唠了", "都别唠了", "不唠了", "别侃了", "该干活了", "该工作了", "该开工了", "该开会了", "歇够了", "玩够了", "吃饱了", "吃饱喝足了", "睡醒了", "各位请坐", "大家请坐", "请坐", "请大家坐好", "都坐好", "坐稳当了", "人齐", "人齐了", "齐活了", "没人再来了", "该来的都来了", "人够了", "都在", "都在线了", "都上线了", "都进来了", "都连上了", "连上了", "会议室到了", "投影好了", "设备调好了", "麦克风好了",
    "请各位就座", "请就座", "请入座", "请各位入座", "各位请就座", "各位请入座", "请大家就座", "请大家入座", "请各位坐好", "请坐好", "等不了了", "不等人了", "不等其他人了", "不等他们了", "不等她了", "再不等了",
];
#[rustfmt::skip]
const COURTESIES: [&str; 44] = [
    "不好意思", "打扰了", "打扰一下", "麻烦了", "早上好", "上午好", "中午好", "下午好", "晚上好", "大家好", "各位好", "大家早上好", "大家上午好", "大家下午好",
    "早啊", "大家早", "欢迎大家", "感谢大家", "谢谢大家", "谢谢各位", "感谢各位", "感谢大家参加", "谢谢大家参加", "注意了", "听好了", "安静", "安静一下",
    "大家安静", "各位安静", "大家安静一下", "辛苦大家了", "各位辛苦了", "辛苦各位了", "有劳", "就这么定了",
    "各位安静一下", "请安静", "请安静一下", "大家注意了", "各位注意了",
    "久等了", "让大家久等了", "让你久等了", "让各位久等了",
];
#[rustfmt::skip]
const ENDING: [&str; 254] = [
    "今天就到这里", "今天就到这", "今天先到这里", "今天先到这", "我们今天就到这里", "我们就到这里", "那今天就到这里", "就到这里", "就到这", "先到这里", "先到这",
    "就这样", "先这样", "今天就这样", "今天先这样", "就这些", "就这些了", "没别的事了", "没什么事了", "没其他事了", "没有其他事了", "没有别的事了", "没别的了",
    "没有其他问题了", "没问题了", "没有问题了", "都说完了", "都讲完了", "都聊完了", "讨论完了", "聊完了", "说完了", "讲完了", "谈完了", "开完了", "议题都过完了",
    "该说的都说完了", "内容都讲完了", "差不多了", "也差不多了", "该吃饭了", "去吃饭了", "吃饭去了", "该下班了", "我累了", "累了", "活干完了", "今天的活干完了",
    "活都干完了", "都干完了", "忙完了", "不录了", "别录了", "不开了", "不聊了", "不干了", "不写了", "不用了", "不需要了", "可以了", "够了", "收拾收拾",
    "时间不早了", "时候不早了", "很晚了", "太晚了", "不早了", "天黑了", "困了", "我困了", "没别的事", "没什么事", "没其他事", "没别的问题", "没别的问题了", "没有别的问题了", "没有问题", "没什么问题了", "没什么要说的了", "没有要补充的了", "没有补充了", "收工", "时间到", "时间差不多了", "到点了", "时间到了", "到时间了",
    "不工作了", "干完了", "今天的工作做完了", "聊得很开心", "今天开到这里", "今天就开到这里", "今天就开到这", "没什么要补充的了",
    "好困", "好累", "有点困了", "有点累了", "咱们就到这里", "咱们今天就到这里",
    "没事了", "没啥事了", "没啥了", "没啥事", "没啥说的了", "没啥要说的了", "累死了", "困死了", "累死我了", "困死我了", "饿死了", "撑不住了", "歇了", "弄完了", "都弄完了", "就开到这里", "先开到这里", "就先这样",
    "今天先开到这里", "快到饭点了", "该散了", "那就这么定了", "就这么着",
    "没什么说的了", "没议题了", "没有议题了", "没有其他议题了", "没有别的议题了", "没其他议题了", "议题都讲完了", "都没有意见", "都没意见", "都没意见了", "没意见了", "大家都没意见", "大家都没有意见", "没人有意见",  "没有补充",  "没补充了",         "饭点了", "到饭点了", "都饭点了", "我还有事", "还有事", "我有事", "我还有会", "我还有个会", "我还有下一个会", "我要下班了", "要下班了", "我得走了", "我要走了", "到饭点", "该下班", "回家吧", "回家", "回家吃饭", "大家去吃饭", "大家去吃饭吧", "去吃饭吧", "吃饭去吧", "大家早点回去", "大家回去吧", "大家早点休息", "早点休息", "辛苦各位", "辛苦大家", "干不动了", "累瘫了", "累坏了", "忙完收工", "都弄好了", "今天辛苦了",
    "今天就讨论到这里", "就讨论到这里", "先讨论到这里", "今天讨论到这里", "今天先讨论到这里", "今天就聊到这里", "今天先聊到这里", "今天就说到这里", "就说到这里", "先说到这里", "都回去吧", "大家都回去吧",
    "没事", "完事", "完事了", "讨论完", "今天到此为止", "到此为止", "下次接着说", "下次再议", "下次继续", "下次接着聊", "下次再说", "下次接着开", "下回再说", "下回接着说", "改天再议", "改天继续", "回头再议", "明天继续", "明天接着说", "明天再说", "剩下的下次说", "剩下的下次再说", "剩下的下次再议", "议题都完了", "都聊完", "就干到这", "就干到这里",
    "祝大家周末愉快", "周末愉快", "大家周末愉快", "祝各位周末愉快", "新年快乐", "祝大家新年快乐", "节日快乐", "祝大家节日快乐", "今天很高效", "今天收获很大", "感谢大家的时间", "感谢各位的时间", "头疼", "眼睛疼", "脑袋疼", "周末了", "明天再干", "明天再弄", "明天再来",
    "感谢参与", "感谢大家参与", "感谢各位参与", "谢谢参与", "就按这个办", "就这么办", "就这么定", "有事群里说", "有问题群里说", "会后再聊", "会后聊", "会后再说", "群里再说", "资料会后发", "纪要会后发", "全部议题结束", "议题结束", "没有别的了", "没别的", "大家去忙吧", "去忙吧", "都去忙吧",
];

#[rustfmt::skip]
const GROUP: [&str; 40] = [
    "everyone", "everybody", "all of us", "the gang", "the whole gang", "gang", "the team", "the whole team",
    "people", "we", "all", "everyone is", "everybody is", "all of us are", "the gang is", "the team is",
    "the whole team is", "we are", "i am", "everything is", "all is", "everyone has", "everybody has",
    "everything", "you all", "the others",
    "y'all are", "you guys are", "they are all", "folks are", "the client", "the clients", "the client is", "the boss is", "the others are", "the rest of them are", "both teams are", "everybody else is", "everyone else is", "the room is",
];
#[rustfmt::skip]
const GROUP_IS: [&str; 26] = [
    "everyone's", "everybody's", "the gang's", "gang's", "the team's", "the whole team's", "we're", "i'm",
    "everything's", "all's", "everyones", "everybodys", "im", "the gangs", "gangs", "we've",
    "the whole gang's", "it's",
    "y'all're", "everyone else's", "the client's", "the boss's", "the others're", "everyone's all", "the crew's", "the kids're",
];
#[rustfmt::skip]
const ENGLISH_READY: [&str; 39] = [
    "here", "ready", "set", "all set", "present", "in the room", "online", "assembled", "gathered", "seated",
    "good to go", "ready to go", "good", "arrived", "joined", "here now", "ready now", "back", "in place",
    "got everyone", "time", "connected",
    "ready to work", "ready to start", "ready to begin",
    "dialed in", "dialled in", "logged in", "signed in", "in now", "settled", "settled in", "sat down", "on the call", "on the line", "accounted for", "strapped in", "present and correct", "raring to go", 
];
#[rustfmt::skip]
const ENGLISH_BEGINNING: [&str; 177] = [
    "all set", "all ready", "all good", "all here", "ready", "enough chit chat", "enough chitchat",
    "enough chatter", "enough small talk", "enough talk", "enough talking", "no more chit chat",
    "no more small talk", "let's not waste time", "let's not waste any time", "let's not waste any more time",
    "time's up", "time is up", "back to business", "down to business", "let's get down to business",
    "enough chatting", "here we go", "break's over", "break is over", "the break is over",
    "break time is over", "lunch is over", "lunch break is over", "lunch is done", "without further ado",
    "come on", "come on then", "let's go", "let's do this", "let's do it", "let's roll", "let's get going",
    "let's get started", "let's begin", "off we go", "no time to waste", "coffee's done", "enough fun",
    "enough joking", "enough messing around", "let's get this going", "let's get this started",
    "that's everyone", "that's everybody", "that is everyone", "coffee's ready", "coffee is ready", "coffee is done", "ready to work", "ready to start", "ready to go", "ready when you are", "i'm back", "back again", "good to go",
    "enough coffee", "enough of a break", "enough rest", "time to work", "time to start", "time to begin", "time to code", "time to meet",
    "let's crack on", "crack on", "let's get cracking", "get cracking", "let's get to it", "let's get on with it", "let's get stuck in", "let's get moving", "chop chop", "enough faffing", "enough faffing about", "time to get cracking", "time to crack on",
    "coffee in hand", "tea in hand", "back at my desk", "back at it", "back to it", "right back to it", "back from lunch", "fed and watered", "coffee time's over", "break time's over", "playtime's over", "that's the last of them", "that's the last of them in", "that's all of us", "we've got quorum", "we have quorum", "we're quorate", "we're about ready", "about ready", "no time like the present", "let's get a move on", "let's get on", "let's not dawdle", "let's get down to it", "let's get down to brass tacks", "to work", "before i forget", "almost forgot", "nearly forgot", "oh i almost forgot", "i almost forgot", "enough dilly dallying", "enough gossip", "that's enough chat", "time for work", "time to get to work", "time to get going", "time to get started",
    "meeting time", "it's meeting time", "time for the meeting", "phones away", "grab a seat", "everyone grab a seat", "everybody grab a seat", "take a seat", "everyone take a seat", "take your seats", "have a seat", "settle down", "everyone settle down", "everybody settle down", "quiet please", "quiet down", "quiet down everyone", "pipe down", "work time", "it's work time", "kettle's on", "the kettle's on",
    "i can hear everyone", "i can see everyone", "i can hear you all", "everyone can hear me", "everybody can hear me", "it won't compile", "won't compile", "nothing compiles", "nothing builds", "it won't build", "it doesn't compile", "it doesn't build", "the code won't compile", "my code won't compile", "still won't compile", "still failing", "it's failing again", "it failed again", "failed again",
    "just woke up", "if everyone's ready", "if everybody's ready", "if we're all ready", "if you're all ready", "if we're ready", "camera's rolling", "cameras are rolling", "mics are on", "we have everyone", "we've got everybody", "where were we", "let me close the door", "new day", "new week", "monday again",
];
#[rustfmt::skip]
const ENGLISH_COURTESIES: [&str; 65] = [
    "good morning", "good afternoon", "good evening", "morning", "welcome", "thanks for coming",
    "thank you for coming", "thanks for joining", "thank you for joining", "thank you all for coming",
    "thanks everyone for coming", "thank you everyone for coming", "sorry for the wait",
    "sorry to keep you waiting", "sorry i'm late", "sorry about that", "excuse me", "sorry", "listen up",
    "if you don't mind", "if you would", "if you could", "if you can", "if possible", "thanks everyone",
    "thank you everyone", "thanks all", "thank you all", "thanks everybody", "thank you everybody",
    "thanks guys", "thanks team", "thanks a lot", "thanks so much", "cheers", "much appreciated",
    "appreciate it", "i appreciate it", "good job", "you're the best",
    "thanks for everything", "thank you for everything", "thank you so much", "thank you very much", "what's up", "how are you", "it was nice talking to you", "nice talking to you", "nice chatting with you",
    "much obliged", "thanks a bunch", "ta very much", "bless you", "apologies", "apologies for the delay", "sorry for the delay", "sorry for being late", "sorry we're late", "my bad", "whoops", "oops", "pardon me", "sorry to bother you", "sorry to interrupt", "quick one",
];
#[rustfmt::skip]
const ENGLISH_ENDING: [&str; 279] = [
    "that's it", "that is it", "that's all", "that is all", "that's a wrap", "it's a wrap",
    "that's everything", "that is everything", "that'll be all", "that will be all", "we're done",
    "we are done", "we're finished", "we are finished", "we're all done", "i'm done", "i am done",
    "i'm finished", "all done", "nothing else", "nothing more", "no more questions", "no further questions",
    "no other business", "good meeting", "great meeting", "nice meeting", "good talk", "great job",
    "nice work", "good work", "great work", "great discussion", "good discussion", "i'm tired",
    "i'm exhausted", "time's up", "time is up", "we're out of time", "we ran out of time",
    "we've run out of time", "enough", "enough for today", "it's late", "it's getting late", "i have to go",
    "i gotta go", "we have to go", "i've had enough", "we covered everything", "we've covered everything",
    "i think that's it", "i think that's all", "i think we're done", "enough work",
    "let's wrap it up", "let's wrap up", "let's wrap this up", "wrap it up", "let's stop here", "let's stop there", "let's call it a day", "let's call it", "let's leave it there", "let's leave it here", "let's end it here", "let's end here", "end it there", "let's finish here", "let's finish up", "i think we can stop here", "that concludes it", "we're good", "we're good here", "time to go", "time to wrap up", "time to go home",
    "i'm done working", "we're done working", "that's enough work", "that's enough", "time for bed", "enough working", "i'm sleepy", "it's bedtime", "bedtime",
    "we're through", "we're through here", "that wraps it up", "i'm knocking off", "knocking off", "that about covers it", "that covers it", "that's the lot", "that's our lot", "that's me done", "that's me", "i'm beat", "i'm knackered", "i'm wiped", "i'm spent", "pub time", "home time",
    "end it here", "call it here", "call it there",
     "there then", "on that note", "with that", "nothing further", "nothing further from me", "nothing from me", "nothing else from me", "nothing else then",           "i think that covers everything", "i think that covers it", "that covers everything", "i think that's everything", "that does it", "that's us", "that's us done", "that's us finished", "we've hit time", "we've hit the hour", "we're at time", "we're over time", "we've run over", "i've got to run", "i have to run", "i gotta run", "got to run", "i have another meeting", "i have another call", "i've got another call", "i've got another meeting", "i need a break", "i need a rest", "i need to go", "i need to head out", "i'm off home", "i'm heading home", "i'm going home", "off home", "home now", "lovely stuff", "we're all good", "we're all good here", "i'm wrecked", "i'm shattered", "i'm pooped", "i'm bushed", "long day", "it's been a long day", "what a day", "that'll do", "that will do", "that'll do for today", "that'll do for now", "that'll do for tonight", "that will do for today", "that'll do it", "good session", "great session", "productive meeting", "lunch time", "lunchtime", "it's lunchtime", "time for lunch", "dinner time", "the shift's over", "shift's over", "quitting time", "it's quitting time",
    "no more items", "no more topics", "no other items", "no other topics", "no further business", "no objections", "nobody has anything else", "no one has anything else", "nobody's got anything else", "no one's got anything else", "nothing left on the agenda", "nothing left", "everybody go home", "everyone go home", "go home everyone", "go home everybody", "we've covered it all", "we covered it all", "that's lunch",
    "someone needs the room", "somebody needs the room", "they need the room", "they need the room back", "someone else needs the room", "that'll do us", "that'll do me", "that will do us", "thanks for your time", "thank you for your time", "thanks everyone for your time", "see you all next week", "see you all tomorrow", "see you all next time", "see you all later", "see you all soon", "see you next time everyone", "bye everyone", "bye everybody", "bye all", "have a good day everyone", "have a good weekend everyone", "have a great day everyone", "have a good one everyone", "enjoy your weekend everyone", "safe travels everyone", "until next week", "until next time everyone", "same time next week", "enough for one day", "that's plenty for today", "that's plenty",
    "decision made", "motion carried", "all agreed", "everything's agreed", "that's agreed", "that's agreed then", "we're agreed", "we're all agreed", "everyone's agreed", "that's settled", "happy with that", "i'm happy with that", "we're happy with that", "enjoy lunch everyone", "enjoy lunch", "enjoy your lunch", "enjoy your evening everyone", "no more work", "nailed it", "that was easy", "easy peasy", "my next call is starting", "it's friday", "my eyes hurt", "my back hurts", "my brain's fried", "brain's fried",
    "that's all i had", "that's all i've got", "no questions", "no questions great", "let's take it offline", "we'll take it offline", "let's continue tomorrow", "let's continue next time", "let's pick this up tomorrow", "let's pick this up next time", "to be continued", "back to work everyone", "everyone out", "off you go everyone", "off you go", "i need to jump", "i have to jump", "i have to drop", "i've got to drop", "i need to drop", "i've got to jump", "everybody knows what to do", "everyone knows what to do", "we're aligned", "we're all aligned", "nothing left to do", "good day's work", "productive day",
];
#[rustfmt::skip]
const TRAILERS: [&str; 25] = [
    "for now", "for today", "today", "folks", "from me", "from us", "here", "then", "everyone", "everybody",
    "team", "guys", "all", "for tonight", "with that", "i guess",
    "for the day", "this evening", "this afternoon", "this morning", "lads", "y'all", "from my side", "from my end", "lovely",
];

/// Conditions that are already met: the command needs 吧 or let's, otherwise it states what one would do.
#[rustfmt::skip]
const CONDITIONS: [&str; 20] = [
    "if there's nothing else", "if there is nothing else", "if that's everything", "if that's all", "if nobody has anything else", "if no one has anything else", "if there are no more questions", "if there are no questions", "if that's it", "unless there's anything else", "没有的话", "没有补充的话", "没问题的话", "没有问题的话", "没别的事的话", "没有其他事的话", "没别的问题的话", "没有别的问题的话", "没其他问题的话", "没有其他问题的话",
];

/// Matches a remark that goes with a command of this kind.
pub fn remark<'t>(paths: &Paths<'t>, kind: CommandKind) -> Paths<'t> {
    let courtesy = paths.word(&COURTESIES).or(&with_trailers(&paths.word(&ENGLISH_COURTESIES)));
    match kind {
        CommandKind::Begin => courtesy.or(&beginning(paths)),
        CommandKind::End | CommandKind::Farewell => courtesy
            .or(&paths.word(&ENDING))
            .or(&with_trailers(&paths.word(&ENGLISH_ENDING)))
            .or(&with_trailers(&paths.word_with_flags(&CONDITIONS, Flags::IF))),
    }
}

fn with_trailers<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.many0(|paths| paths.word(&TRAILERS))
}

/// Matches a statement of who and what is ready.
fn beginning<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let chinese = paths.many1(|paths| paths.word(&PEOPLE)).many0(|paths| paths.word(&ALREADY)).word(&READY);
    let chinese = chinese.or(&paths.many1(|paths| paths.word(&["都", "已经", "全都"])).word(&READY));
    let hedged = paths.optional(|paths| {
        paths.word(&["i think", "looks like", "it looks like", "it seems", "seems like", "now that", "since"])
    });
    let paths = &hedged;
    let group = paths.word(&GROUP).or(&paths.word(&GROUP_IS));
    let english = group.many0(|paths| paths.word(&["all", "now", "finally", "already", "both"])).word(&ENGLISH_READY);
    let ready = chinese.or(&english).with_flags(Flags::READY);
    ready.or(&paths.word(&BEGINNING).with_flags(Flags::READY)).or(&with_trailers(&paths.word(&ENGLISH_BEGINNING)))
}

/// Matches a shorter repetition of the command.
pub fn repetition<'t>(paths: &Paths<'t>, kind: CommandKind) -> Paths<'t> {
    let (plain, urging): (&[&str], &[&str]) = match kind {
        CommandKind::Begin => (
            &[
                "开始",
                "现在开始",
                "正式开始",
                "马上开始",
                "走起",
                "搞起",
                "begin",
                "start now",
                "right away",
                "现在打开",
                "现在就打开",
                "现在就开",
                "现在就开始",
                "现在就开始录",
                "开始录",
                "记录一下",
                "录一下",
                "open it now",
                "open it up",
                "pull it up",
                "bring it up",
            ],
            &[
                "开始吧",
                "现在开始吧",
                "走吧",
                "来吧",
                "搞起来",
                "let's go",
                "let's begin",
                "let's start",
                "let's get started",
                "let's get going",
                "let's do it",
                "let's do this",
                "here we go",
                "and let's get cracking",
                "and let's go",
                "and let's get going",
                "and let's get started",
                "let's get cracking",
                "let's crack on",
            ],
        ),
        CommandKind::End => (
            &["结束", "现在结束", "停止", "关掉", "stop", "end it", "close it"],
            &[
                "结束吧",
                "停吧",
                "关了吧",
                "走吧",
                "撤吧",
                "散了吧",
                "let's go",
                "let's go home",
                "let's stop",
                "let's end it",
            ],
        ),
        CommandKind::Farewell => (&[], &[]),
    };
    paths.word(plain).or(&paths.word_with_flags(urging, Flags::URGED.and(Flags::REPEATED)))
}

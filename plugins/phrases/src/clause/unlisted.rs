//! Unlisted remarks before a command. Rule: the command is the last clause and begins as commands do; the text before
//! it is a complete clause without a reporter, another time, a condition, a denial, or a verb that could govern the
//! command.

use crate::text::is_chinese;

const MAX_CHARS: usize = 24;
const MAX_WORDS: usize = 14;

/// Remarks that contain words of the classes below and are harmless.
#[rustfmt::skip]
const HARMLESS: [&str; 140] = [
    "让大家久等了", "让你久等了", "让各位久等了", "先不说了", "不多说了", "不说了", "不说废话", "话不多说", "废话少说", "闲话少说", "别聊了", "先不聊了", "不聊了", "别扯了", "别闹了", "别吵了", "别闲聊了", "别磨蹭了", "别愣着了",
    "不等了", "等不及了", "别等了", "久等了", "没什么事", "没什么别的", "没什么", "什么都", "没啥事", "没别的", "没有别的", "别的没有", "都说完了", "说完了", "讲完了", "该说的都说了", "说得差不多了", "差不多", "不早了", "说正事", "先这样", "先到这",
    "特别", "区别", "说好了", "听好了", "其他", "吉他", "写完了", "问完了", "问题", "先歇", "今天先开到这里", "先开到这里", "就开到这里", "先到这里", "就到这里", "先这样吧", "让开", "讲究", "别人都",
    "报错", "出错", "没电", "没意见", "没有意见", "没议题", "没信号", "没啥", "没什么好", "没有补充", "没补充", "没问题", "没人了", "没时间了", "没空了", "睁不开", "撑不住", "顶不住", "扛不住", "受不了", "干不动", "坐不住", "等不急", "来不及", "赶不及", "不行了", "不好意思", "不早", "不少", "差点忘了", "着呢", "差点给忘了", "先放放", "先放一放", "先放着", "先放这", "放一放", "先跳过", "先不管", "先不做", "先搁着", "先搁一搁", "搁一搁", "先过", "写代码", "会议室", "下一场", "会开到点", "听得见", "听得到", "看得见", "大家听",
    "等的人", "让我主持", "让我来主持",
    "等不了", "等着用", "有人等", "不等人", "先休息", "先睡",
    "放学", "上学", "开学", "学校", "周末了", "周五了", "明天再干", "明天再弄", "明天再说", "测试", "先别玩", "先别吃", "先别看手机", "先别唠", "先放一边",
    "刚睡醒", "外面有人", "屋里有人", "门口有人",
];
/// Other people, other times, questions, conditions, reports, talk about words, and verbs that could take the command
/// as their object.
#[rustfmt::skip]
const EXCLUDED: [&str; 176] = [
    "他", "她", "它", "谁", "什么", "怎么", "为啥", "啥时", "咋", "哪", "几", "多少", "吗", "呢", "是否", "是不是", "有没有", "能不能", "要不要", "可不可以", "如果", "要是", "假如", "假设", "的话", "只要", "只有", "除非", "万一", "一旦", "等", "因为", "所以", "但", "可是", "不过", "然后", "结果", "虽然", "尽管", "即使",
    "昨", "明天", "明早", "明晚", "后天", "前天", "上周", "下周", "上回", "上次", "下次", "下回", "那天", "那次", "每", "以前", "以后", "之前", "之后", "后来", "当时", "时候", "从前", "当年", "小时", "点钟", "点半", "月", "年", "待会", "稍后", "一会", "晚点", "回头", "改天", "周末", "礼拜", "星期",
    "说", "讲", "问", "告诉", "听", "叫", "让", "写", "喊", "嚷", "吼", "宣布", "通知", "建议", "提议", "要求", "觉得", "以为", "认为", "希望", "别", "不要", "不用", "不许", "不准", "不想", "不能", "不会", "不敢", "不愿", "先", "应该", "忘", "记得", "记住", "梦", "习惯", "学", "教", "试", "错", "取消", "推迟",
    "按", "点击", "我点了", "点了下", "点了一下", "输入", "搜", "提到", "翻译", "拼", "句", "字", "词", "意思", "按钮", "命令", "口令", "台词", "歌", "标题", "电影", "电视", "广播", "书", "故事", "计划", "打算", "准备去", "决定", "喜欢", "讨厌", "看见", "看到", "负责", "口号", "密码", "答案", "老是", "天天", "显示", "响了", "录了", "拒绝", "设置", "选了", "改名", "发了", "同意了", "答应", "回复", "弹出", "跳出", "出现", "变成",
];
/// Predicates that end a clause without a particle.
#[rustfmt::skip]
const STATES: [&str; 89] = [
    "不少", "一堆", "齐", "到位", "就位", "准备好", "就绪", "完毕", "没事", "没啥事", "没什么事", "没别的事", "没问题", "饱", "到手", "差不多", "闲着", "闲得很", "忙得很", "着呢", "敲门", "按门铃", "来电话", "来人", "找我",
    "还有事", "有事", "有点事", "有急事", "有会", "有个会", "下一场", "没意见", "没有意见", "没别的", "没啥", "没议题", "坐好", "坐下", "请坐", "有客人", "有电话", "来客人", "有快递", "要赶车", "赶时间", "在线", "在场", "没人", "放放", "放一放", "放着", "搁着", "跳过", "不管", "没电", "没信号", "辛苦", "饭点", "到点",
    "去看看", "老样子", "老规矩", "时间", "搞定",
    "没过", "失败", "跑不起来", "出问题", "忙", "等着用", "信号不好", "网不好",
    "不错", "高效", "疼", "再干", "再弄", "放一边", "愉快", "快乐",
    "睡醒", "到公司", "到家", "到单位", "到工位", "外面有人", "门口有人", "没意思",
];
/// Adverbs that complete a clause which ends with one of [`ADJECTIVES`].
const DEGREE_ADVERBS: [&str; 8] = ["真", "太", "好", "挺", "很", "够", "有点", "有些"];
#[rustfmt::skip]
const ADJECTIVES: [&str; 25] = [
    "冷", "热", "大", "小", "多", "不少", "晚", "困", "累", "饿", "渴", "吵", "闷", "黑", "亮", "香", "安静", "暖和", "热闹", "清静", "舒服", "高", "顺", "顺利", "精彩",
];
/// Verbs of "I have …" that cannot take a command as their object.
#[rustfmt::skip]
const INTRANSITIVE: [&str; 44] = [
    "来", "到", "好", "饿", "困", "累", "冷", "热", "渴", "醒", "饱", "吃饱", "吃好", "吃完", "睡醒", "准备好", "坐好", "回来", "忙完", "弄完", "写完", "做完", "干完", "歇够", "歇好", "休息好", "上线", "进来", "到家", "到公司", "喝完", "洗完", "迟到", "来晚", "就位", "聊完", "讲完", "累坏", "饿坏", "开完", "撑", "走", "撤", "下班",
];

/// Words that never end a clause.
#[rustfmt::skip]
const INCOMPLETE_ENDS: [&str; 46] = [
    "不", "没", "会", "要", "想", "能", "可以", "得", "正", "正在", "在", "是", "把", "给", "跟", "和", "与", "就", "去", "来", "老", "总", "也", "都", "还", "才", "又", "再", "一直", "经常", "常常", "爱", "怕", "的", "地", "为", "对", "从", "向", "到", "帮", "替", "被", "由", "就是", "忙着",
];
/// Beginnings of commands.
#[rustfmt::skip]
const COMMAND_STARTS: [&str; 152] = [
    "请", "麻烦", "帮", "劳驾", "烦请", "劳烦", "有劳", "给我", "给咱", "给大家", "替我", "可以帮", "能帮", "能不能帮", "能不能给", "你帮", "你给", "你把", "那你", "那就", "那咱", "那现在", "来", "咱们", "咱", "我们", "现在", "开始", "打开", "开会", "开工", "开个", "开起", "开录", "开干", "启动", "开启", "进入", "进", "切", "换到",
    "换成", "调出", "看看", "看下", "看一下", "查看", "瞅瞅", "瞧瞧", "念", "读", "报", "显示", "列", "把", "录", "记录", "走起", "干活", "结束", "散会", "散了", "收工", "收会", "停", "关", "退", "回", "跳", "下一", "往下", "过", "划掉", "勾掉", "标", "打勾", "打个勾", "完成", "搞定", "认领", "刷新", "会议模式", "工作模式", "编程模式", "任务", "看板", "会议开始", "会议结束", "就", "到此", "到", "起",
    "你看", "你查", "你去看", "你去查", "你念", "你读", "你报", "你去打开", "你打开", "你记", "你来记", "查", "瞧", "瞅", "翻", "亮", "讲讲", "说说", "拉", "开一", "开下", "录音", "快", "赶紧", "赶快", "麻溜", "直接", "立刻", "马上", "咱就", "那我们", "大家", "会议", "会开到", "构建日志", "编译日志", "待办", "不干", "不开", "别录", "下个", "换", "接着", "继续", "往", "后面", "先跳", "略过", "再下", "打个", "勾", "划", "销", "弄", "搞", "整", "起会", "正式", "那", "好",
];
/// Beginnings that are only used towards the addressee: a command after them is certain.
#[rustfmt::skip]
const DIRECT_STARTS: [&str; 10] = ["请", "麻烦", "帮我", "帮忙", "劳驾", "烦请", "给我", "替我", "咱们", "咱"];
/// People who might be the subject of what follows.
#[rustfmt::skip]
const PERSONS: [&str; 26] = [
    "人", "同事", "友", "妈", "爸", "哥", "姐", "弟", "妹", "爷", "奶", "老师", "同学", "老板", "客户", "领导", "老婆", "老公", "媳妇", "孩子", "儿子", "女儿", "小王", "小李", "老张", "经理",
];
/// Beginnings of farewells.
#[rustfmt::skip]
const FAREWELL_STARTS: [&str; 60] = [
    "再见", "再会", "拜", "掰", "88", "晚安", "回见", "回头", "明天见", "明儿见", "改天", "下次", "先不说", "不说了", "不聊了", "先不聊", "先挂", "挂了", "先撤", "先走", "我先", "我撤", "我走", "撤了", "睡了", "你歇", "去睡",
    "先忙", "退下", "歇", "你睡", "你休息", "你去", "撤", "溜", "闪", "走了", "下线", "回聊", "挂", "去忙", "早点", "好梦", "后会", "先这样", "就这样", "就聊", "先聊到", "今天就聊", "今天就到", "今天先", "后天见", "下周见", "待会见", "待会聊", "一会见", "回头见",
    "不跟你", "不和你", "不扯",
];
/// Calls by others, which are reasons for a farewell.
const CALLS_BY_OTHERS: [&str; 11] =
    ["叫我", "喊我", "催我", "找我", "等我", "等着我", "让我", "我先", "先去", "得先", "催"];

#[rustfmt::skip]
const ENGLISH_EXCLUDED: [&str; 377] = [
    "he", "she", "they", "him", "her", "them", "his", "who", "whose", "what", "when", "where", "why", "how", "which", "if", "whether", "unless", "until", "till", "while", "after", "before", "once", "because", "since", "so", "though", "although", "but", "or", "than", "as", "tomorrow", "yesterday", "tonight", "later", "soon", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "week", "month", "year", "weekend", "last", "next", "ago", "then", "every", "always", "usually", "often", "sometimes", "never", "said", "says", "say", "saying", "told", "tell", "telling", "asked", "ask", "asks", "asking", "called", "call", "calls", "wrote", "writes", "written", "heard", "hear", "yelled", "shouted", "goes", "announced", "suggested", "replied", "mentioned", "labelled", "labeled", "titled", "named", "phrase", "word", "words", "sentence", "command", "button", "line", "quote", "lyric", "song", "title", "movie", "book", "story", "game", "rule", "plan", "idea", "goal", "trick", "habit", "job", "turn", "step", "way", "point", "lesson", "advice", "yet", "not", "no", "nobody", "don't", "can't", "won't", "didn't", "isn't", "aren't", "doesn't", "wasn't", "shouldn't", "wouldn't", "couldn't", "wait", "should", "would", "could", "might", "may", "maybe", "did", "does", "do", "will", "can", "must", "shall", "think", "thinking", "thought", "guess", "suppose", "hope", "hoping", "wish", "want", "wants", "wanted", "wanna", "gonna", "going", "need", "needs", "like", "likes", "love", "loves", "hate", "hates", "try", "tried", "trying", "used", "meant", "mean", "needed", "pretended", "noticed", "wished", "hoped", "dreamed", "listened", "missed", "agreed", "decided", "refused", "started", "opened", "recorded", "loved", "liked", "hated", "enjoyed", "promised", "translated", "practiced", "copied", "pasted", "repeated", "recited", "quoted", "forgot", "remember", "imagine", "typed", "clicked", "pressed", "see", "seen", "seeing", "feel", "felt", "watching", "hearing", "having", "making", "letting", "helping", "learn", "learning", "learned", "learnt", "teach", "teaching", "taught", "sing", "singing", "chanting", "playing", "waving", "waved", "reading", "yelling", "shouting", "help", "helped", "helps", "make", "made", "makes", "let", "lets", "had", "watch", "watched", "saw", "shouts", "yells", "announces", "whispers", "whispered", "mutters", "muttered", "mumbles", "mumbled", "texts", "texted", "emails", "emailed", "types", "typing", "chants", "repeats", "insists", "insisted", "demands", "demanded", "begs", "begged", "orders", "ordered", "suggests", "answers", "answered", "replies", "claims", "claimed", "joked", "jokes", "screamed", "screams", "declared", "declares", "concludes", "adds", "added", "explains", "explained", "responds", "whisper", "shout", "yell", "scream", "everytime", "whenever", "wherever", "dream", "dreams", "fun", "favourite", "favorite", "hardest", "worst", "best", "key", "secret", "first", "answer", "message", "email", "text", "caption", "slogan", "motto", "sign", "sticker", "label", "lyrics", "reads", "prompt", "beats", "means", "hears", "sounds", "follows", "equals", "type", "google", "spell", "practice", "press", "click", "tap", "select", "choose", "push", "translate", "pronounce", "repeat", "copy", "paste", "search", "define", "pretend", "print", "draw", "post", "tweet", "chapter", "tip", "option", "part", "slide", "page", "section", "phase", "level", "exercise", "verse", "number", "episode", "scene", "item", "people", "men", "women", "children", "folk", "staff", "police", "anybody", "anyone", "test", "sample", "example", "default", "demo", "mode",
];
/// Contractions that name another person or another time (i'll, i'd).
const CONTRACTED: [&str; 12] =
    ["he's", "she's", "they're", "who's", "he'll", "she'll", "they'll", "i'll", "we'll", "you'll", "i'd", "we'd"];
/// Words that never end an English clause.
#[rustfmt::skip]
const ENGLISH_INCOMPLETE_ENDS: [&str; 71] = [
    "to", "and", "a", "an", "the", "my", "your", "our", "this", "that", "these", "those", "i", "we", "you", "it's", "is", "are", "am", "be", "been", "being", "of", "for", "from", "with", "at", "by", "about", "into", "just", "both", "also", "still", "only", "even", "i'm", "we're", "you're", "i've", "we've",
    "has", "have", "people", "everyone", "everybody", "someone", "somebody", "please", "there's", "that's", "got", "getting", "it", "us", "me", "doing", "ever", "bye", "gets", "keep",
    "was", "were", "said", "there",
    "in", "on", "near", "nowhere", "almost", "nearly",
];
/// Verbs that make a clause complete.
#[rustfmt::skip]
const VERBS: [&str; 31] = [
    "is", "are", "am", "has", "i'm", "we're", "i've", "we've", "you're", "it's", "that's", "there's", "everyone's", "everybody's", "everything's", "gang's", "all's", "time's", "here's", "got", "okay", "thanks", "enough", "sorry", "done", "finished", "ready", "looks", "let's",
    "someone's", "somebody's",
];
/// Predicates after a noun with 's.
#[rustfmt::skip]
const NOUN_PREDICATES: [&str; 87] = [
    "here", "ready", "done", "over", "on", "in", "off", "up", "out", "good", "fine", "set", "all", "back", "gone", "cold", "hot", "late", "open", "empty", "full", "fixed", "sorted", "finished", "waiting", "calling", "coming", "leaving", "knocking", "ringing", "crying", "arrived", "joined", "online", "present", "now",
    "poured", "brewed", "settled", "seated",
    "asleep", "awake", "broken", "red", "green", "dead", "free", "boiled", "quiet", "warm", "dry", "clean", "working", "starting", "early", "there", "home", "busy", "hungry", "tired", "away", "playing", "down", "sat", "connected", "recording", "cooked", "boiling", "sizzling", "napping", "sleeping", "short", "tight", "fed",
    "shut", "closed", "locked", "low", "flat", "running", "dying", "going", "missing", "stuck", "sick", "delayed", "cancelled",
];
/// Intransitive participles that may end a clause.
#[rustfmt::skip]
const INTRANSITIVE_ING: [&str; 73] = [
    "something", "anything", "scrolling", "chatting", "faffing", "moaning", "gossiping", "meeting", "morning", "evening", "thing", "everything", "nothing", "boring", "interesting", "amazing", "exhausting", "crying", "dying", "ringing", "waiting", "calling", "coming", "leaving", "knocking", "starting", "working", "boiling", "burning", "beeping", "freezing", "starving", "raining", "snowing", "sleeping", "melting", "barking", "charging", "cooking", "brewing", "boarding", "buffering", "failing", "crashing", "waking", "yawning", "moving", "ending", "going",
    "flashing", "screaming", "pouring", "hurting", "killing", "setting", "sinking", "fading", "playing", "hailing", "lagging", "glitching", "buzzing", "vibrating", "arriving", "queueing", "booming", "hammering", "humming", "whistling", "smoking", "bubbling", "simmering", "sizzling",
];
#[rustfmt::skip]
const INTRANSITIVE_ED: [&str; 70] = [
    "tired", "fixed", "finished", "closed", "sorted", "settled", "seated", "exhausted", "bored", "connected", "loaded", "poured", "arrived", "joined", "locked", "charged", "covered", "knackered", "crashed", "failed", "burned", "rested", "caffeinated", "excited", "pleased", "satisfied", "pushed", "showered", "landed", "shattered", "red", "bed", "need", "fed", "agreed", "wrapped", "packed",
    "died", "dropped", "ended", "stopped", "boiled", "cleared", "sold", "moved", "dialed", "dialled", "cooked", "washed", "changed", "vanished", "paused", "freed", "dozed", "nodded", "passed", "calmed", "gathered", "parked", "rebooted", "restarted", "updated", "installed", "cleaned", "walked", "stuffed", "signed", "filled", "restored", "approved",
];
/// Participles before a final "in", said of people.
const PARTICIPLES_BEFORE_IN: [&str; 16] = [
    "dialed",
    "dialled",
    "logged",
    "signed",
    "called",
    "them",
    "settled",
    "walked",
    "came",
    "rolled",
    "strolled",
    "wandered",
    "turned",
    "got",
    "checked",
    "everyone's",
];
/// Complete commands that nobody states in passing. Only a plural subject could precede them (robots end the meeting);
/// after a singular one the verb would have an s.
#[rustfmt::skip]
const WHOLE_COMMANDS: [&str; 33] = [
    "start the meeting", "start recording", "start the recording", "start a meeting", "begin the meeting", "end the meeting", "end this meeting", "finish the meeting", "close the meeting", "stop recording", "stop the recording", "stop the meeting", "wrap up the meeting", "switch to meeting mode", "open the board", "open my ", "open the task board", "open the to do list", "show me my ", "show me the b", "pull up my ", "pull up the b", "read me my ", "read me the b", "exit working mode", "leave working mode", "quit working mode", "close working mode", "end working mode", "start working mode", "read the build log", "check the build log", "open the build log",
];
/// Words that end with s and are singular.
const SINGULAR: [&str; 11] =
    ["thanks", "yes", "was", "is", "this", "gosh", "bus", "boss", "business", "progress", "class"];
/// Collective subjects and words about speech.
#[rustfmt::skip]
const COLLECTIVES: [&str; 34] = [
    "i", "we", "you", "everyone", "everybody", "and", "couple", "committee", "gang", "crew", "family", "band", "team", "group", "pair", "council", "panel", "bunch", "lot", "majority", "rest", "half", "folk", "password", "french", "chinese", "english", "spanish", "german", "japanese", "korean", "italian", "russian", "code",
];
/// Phrases that begin commands and nothing else.
const REQUEST_STARTS: [&str; 9] =
    ["let's ", "lets ", "please ", "can you ", "could you ", "would you ", "will you ", "go ahead and ", "tick it off"];
/// Verbs for what happens without an agent.
#[rustfmt::skip]
const EVENT_VERBS: [&str; 41] = [
    "failed", "fails", "failing", "broke", "died", "crashed", "joined", "arrived", "landed", "finished", "ended", "stopped", "boiled", "went", "came", "left", "dropped", "froze", "fell", "rang", "connected", "stalled", "hung", "passed", "vanished", "burned", "exploded", "choked", "tanked", "blew", "loaded", "was", "took",
    "walked", "rolled", "turned", "strolled", "wandered",
    "hurt", "hurts", "aches",
];
/// Verbs for what the speaker has done, after I and we.
#[rustfmt::skip]
const OWN_ACTIONS: [&str; 34] = ["got", "grabbed", "fixed", "lost", "found", "broke", "ate", "poured", "brought", "finished", "burned", "spilled", "ran", "dropped",
    "had", "made", "sorted", "caught", "made", "took", "sent", "left", "came", "went", "hung", "fed", "put", "set", "shut", "swept", "built", "paid", "bought", "tidied",
];
#[rustfmt::skip]
const ENGLISH_COMMAND_STARTS: [&str; 161] = [
    "please ", "can you ", "could you ", "would you ", "will you ", "go ahead and ", "let's ", "lets ", "start the ", "start a ", "start our ", "start this ", "start recording", "start working", "start coding", "start work", "start taking ", "begin the ", "begin a ", "begin recording", "begin our ", "kick off ", "open the ", "open up ", "open my ",
    "open our ", "show me ", "show us ", "pull up ", "pull the ", "pull my ", "bring up ", "bring the ", "put the ", "put my ", "put up ", "put us ", "put me ", "read me ", "read out ", "read the ", "read my ", "switch to ", "switch us ", "switch me ", "switch over ", "switch back ", "switch into ", "go to the ", "go back to ", "get the ", "get me out ", "get us out ", "get us into ", "get me into ", "pop into ", "pop us ", "pop me ", "pop over ",
    "take us ", "take me ", "take minutes", "take notes", "turn on ", "turn off ", "end the ", "end this ", "stop the ", "stop recording", "finish the ", "finish up ", "wrap up ", "close the ", "close out ", "quit ", "exit ", "leave ", "mark ", "tick ", "check it off", "check that ", "cross ", "move on", "gimme ",
    "check the ", "check my ", "check our ", "read off ", "read us ", "run me ", "run us ", "run through ", "walk me ", "walk us ", "talk me ", "talk us ", "have a look at ", "take a look at ", "look at the ", "look at my ", "begin ", "kick things off", "kick off", "let me ", "record ", "take the ", "take down ", "get me ", "get my ", "get us ", "get our ", "get recording", "give me ", "give us ", "list ", "list my ", "display ", "launch ", "fire up ", "set up ", "start ", "stop ", "end ", "finish ", "wrap ", "close ", "shut ", "cut ", "back to ", "enter ", "go into ", "go back", "bring my ", "bring our ", "bring us ", "bring me ", "pull our ", "pull me ", "pull up", "show the ", "show my ", "show our ", "go ahead", "would you", "could you", "can you", "do me a ", "do us a ", "be a ", "if you could ", "would ya", "let's", "skip ", "move ", "on to ", "onto ", "check it ", "check this ", "scratch ", "strike ", "call it ",
];
#[rustfmt::skip]
const ENGLISH_FAREWELL_STARTS: [&str; 69] = [
    "talk to you ", "talk soon", "talk later", "see you", "see ya", "catch you ", "speak to you ", "bye", "bye bye", "good night", "goodnight", "night night", "nighty night", "i gotta ", "i have to go", "gotta ", "that's all for ",
    "goodbye", "good bye", "bye for ", "bye now", "gotta", "got to ", "i've got to ", "i have to ", "i need to go", "i need to run", "i must ", "i should go", "i'd better", "i better", "i'm off", "off to", "ta ra", "ta ta", "toodle", "cheerio", "laters", "later ", "ciao", "so long", "take care", "farewell", "sleep well", "sweet dreams", "night", "nighty", "catch ya", "speak soon", "speak later", "chat later", "have a good", "have a nice", "have a great", "have a lovely", "have fun", "until ", "till ", "go to sleep", "you can go", "hang up", "that's all", "that'll do", "that's me", "i'll be off", "i'll let you", "i'll leave you", "gonna go", "peace",
];

/// True if `front` is a remark and `back` may be a command after it.
pub fn is_remark_before(front: &str, back: &str) -> bool {
    let (front, back) = (normalised(front), normalised(back));
    let is_farewell = begins(&back, &FAREWELL_STARTS) || begins(&back, &ENGLISH_FAREWELL_STARTS);
    let is_command = is_farewell || begins(&back, &COMMAND_STARTS) || begins(&back, &ENGLISH_COMMAND_STARTS);
    if !is_command || is_report(&back) || front.contains(['?', '"', '“', '”', '「', '《', ':']) {
        return false;
    }
    match front.contains(is_chinese) {
        true => chinese(&front, &back, is_farewell),
        false => english(&front, &back, is_farewell),
    }
}

/// True if `back` says what the speaker wants from the command in front of it: 打开看板 我看看进度.
pub fn is_reason_after(front: &str, back: &str) -> bool {
    const WHO: [&str; 6] = ["我", "我们", "咱", "咱们", "让我", "我来"];
    #[rustfmt::skip]
    const LOOKS: [&str; 13] = [
        "看看", "看一下", "看一眼", "看下", "瞅瞅", "瞅一眼", "瞧瞧", "听听", "听一下", "过一下", "瞄一眼", "对一下", "核对",
    ];
    let (front, back) = (normalised(front), normalised(back));
    let looks = WHO.iter().filter_map(|who| back.strip_prefix(who)).any(|rest| begins(rest, &LOOKS));
    let is_plain =
        !["他", "她", "说", "吗", "?", "谁", "是不是", "再", "之后", "以后"].iter().any(|word| back.contains(word));
    let is_command = begins(&front, &COMMAND_STARTS) || begins(&front, &ENGLISH_COMMAND_STARTS);
    let is_led = is_command || begins(&front, &FAREWELL_STARTS) || begins(&front, &ENGLISH_FAREWELL_STARTS);
    looks && is_plain && is_command && back.chars().count() <= MAX_CHARS
        || is_led && super::reason::is_own_reason(&back)
}

/// True if the clause reports instead of commanding: 游戏太难了 退出了.
fn is_report(back: &str) -> bool {
    // 灯亮着呢 关掉 refers to the light.
    let bare = back.trim_end_matches(['吧', '了', '啊', '哈', '啦', '呗']);
    let is_bare = ["关掉", "关", "关上", "关闭", "关一下", "停", "停下", "退", "散"].contains(&bare);
    is_bare || back.starts_with("退出") && back.ends_with('了') && back.chars().count() <= 4
}

/// True for 我打了 and 我背熟了: what follows may be the object of the verb.
fn is_own_action(last: &str) -> bool {
    let done = ["我们", "咱们", "我", "咱", "俺"].iter().find_map(|who| last.strip_prefix(who));
    let Some(done) = done.and_then(|done| done.strip_suffix('了')) else { return false };
    let bare = ["都", "也", "已经", "总算", "终于"].iter().find_map(|word| done.strip_prefix(word)).unwrap_or(done);
    // 我刷完碗了 has an object of its own.
    let is_full = bare.split_once(['完', '好']).is_some_and(|(_, object)| !object.is_empty());
    bare.chars().count() <= 3 && !is_full && !INTRANSITIVE.contains(&bare)
}

/// True if a word of the remark refers to somebody else, another time or another sentence.
pub fn names_other(front: &str, back: &str) -> bool {
    let (front, back) = (normalised(front), normalised(back));
    if is_report(&back) {
        return true;
    }
    match front.contains(is_chinese) {
        true => {
            let last = front.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
            let is_own_action = !begins(&back, &FAREWELL_STARTS) && is_own_action(last);
            is_own_action || EXCLUDED.iter().any(|word| without_remarks(&front).contains(word))
        }
        false => english_words(&front).any(|word| ENGLISH_EXCLUDED.contains(&word) || CONTRACTED.contains(&word)),
    }
}

fn english_words(front: &str) -> impl Iterator<Item = &str> {
    front.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '\'').filter(|word| !word.is_empty())
}

fn without_remarks(front: &str) -> String {
    let mut plain = HARMLESS.iter().fold(front.to_owned(), |plain, remark| plain.replace(remark, "了"));
    // 别玩手机了 is addressed to others and does not deny the command.
    while let Some(at) = plain.find('别').or_else(|| plain.find("不等")) {
        let Some(end) = plain[at..].find('了').map(|end| at + end) else { break };
        let idle = &plain[at..end];
        if idle.chars().count() > 6
            || idle.contains(['开', '会', '录', '停', '散', '退', '关', '板', '结', '打', ' ', '，'])
        {
            break;
        }
        plain.replace_range(at..end, "");
    }
    plain
}

fn begins(back: &str, words: &[&str]) -> bool {
    words.iter().any(|word| back.starts_with(word))
}

fn normalised(clause: &str) -> String {
    let clause = crate::text::normalise(clause);
    clause.trim_matches(|letter: char| !letter.is_alphanumeric() && !"?\"“”「《:".contains(letter)).to_owned()
}

fn chinese(front: &str, back: &str, is_farewell: bool) -> bool {
    let mut plain = without_remarks(front);
    // 谢谢你陪我聊天, 跟你聊天真开心.
    let is_chat = is_farewell && ["聊", "陪", "谢谢", "感谢", "开心", "愉快"].iter().any(|word| plain.contains(word));
    // 锅里还炖着汤呢 is no question.
    let goes_on = is_farewell && plain.ends_with('呢') && plain.contains(['还', '着', '正']);
    if goes_on {
        plain.truncate(plain.len() - '呢'.len_utf8());
    }
    if is_farewell {
        let calls = if plain.ends_with('了') { &CALLS_BY_OTHERS[..] } else { &["我先", "先去"] };
        for call in calls {
            plain = plain.replace(call, "");
        }
    }
    // A phone that rings is a reason to leave. Before 开会, 会议铃响了 reports.
    if is_farewell || back.ends_with('吧') {
        plain = plain.replace("响了", "了");
    }
    let last = plain.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    let is_command = begins(back, &DIRECT_STARTS)
        && !PERSONS.iter().any(|who| last.contains(who))
        && !INCOMPLETE_ENDS.iter().any(|word| last.ends_with(word));
    let is_whole = goes_on
        || is_chat
        || is_command
        || last.ends_with(['了', '吧', '啊', '好', '哈', '嘞', '呗', '呀'])
        || STATES.iter().any(|state| last.ends_with(state)) && !INCOMPLETE_ENDS.iter().any(|word| last.ends_with(word))
        || ADJECTIVES
            .iter()
            .filter_map(|mood| last.strip_suffix(mood))
            .any(|rest| DEGREE_ADVERBS.iter().any(|very| rest.ends_with(very)));
    let is_short = front.chars().filter(|letter| letter.is_alphanumeric()).count() <= MAX_CHARS;
    is_whole && is_short && (is_farewell || !is_own_action(last)) && !EXCLUDED.iter().any(|word| plain.contains(word))
}

/// True for a few words that form no clause: back from the gym, motion carried.
fn is_fragment(words: &[&str], back: &str) -> bool {
    let is_plural = |word: &&str| word.ends_with('s') && !word.ends_with("'s") && !SINGULAR.contains(word);
    let is_collective = |word: &&str| COLLECTIVES.contains(word);
    let is_led = ["in", "by", "as", "for", "of", "with", "to", "at"].iter().any(|word| words.first() == Some(word));
    (2..=5).contains(&words.len())
        && !is_led
        && begins(back, &WHOLE_COMMANDS)
        && !words.iter().any(|word| is_plural(word) || is_collective(word))
}

fn english(front: &str, back: &str, is_farewell: bool) -> bool {
    let front = ["i think ", "i guess ", "i reckon ", "looks like "]
        .iter()
        .find_map(|hedge| {
            front.split_once(hedge).filter(|(_, rest)| rest.starts_with("we're") || rest.starts_with("that's"))
        })
        .map_or(front, |(_, rest)| rest);
    let front = front.replace(" a while", " ages");
    let front = front.as_str();
    let mut words: Vec<&str> = english_words(front).collect();
    // The kids are asleep, so open the board.
    if words.len() > 2 && words.last() == Some(&"so") {
        words.pop();
    }
    let Some(last) = words.last() else { return false };
    let is_excluded = |word: &&str| {
        let had = *word == "had"
            && ["i've had", "we've had", "everyone's had", "everybody's had"].iter().any(|had| front.contains(had));
        let forced = had || ["need", "going", "gonna", "must", "no", "so"].contains(word) && is_farewell;
        (ENGLISH_EXCLUDED.contains(word) && !forced) || CONTRACTED.contains(word)
    };
    let is_verb = |word: &str| {
        (word.ends_with("ing") && !INTRANSITIVE_ING.contains(&word))
            || (word.ends_with("ed") && !INTRANSITIVE_ED.contains(&word))
    };
    let goes_on =
        |word: &str| word.ends_with("ing") && !["meeting", "morning", "evening", "thing", "recording"].contains(&word);
    let acts: Vec<&str> =
        words.iter().copied().filter(|word| !["just", "finally", "already", "all"].contains(word)).collect();
    let noun_is =
        acts.windows(2).any(|pair| pair[0].ends_with("'s") && (NOUN_PREDICATES.contains(&pair[1]) || goes_on(pair[1])));
    let did = acts.windows(2).any(|pair| {
        let is_own_action = OWN_ACTIONS.contains(&pair[1]) || pair[1].ends_with("ed");
        ["i", "we"].contains(&pair[0]) && is_own_action
            || ["that", "this", "it"].contains(&pair[0])
                && pair[1].ends_with('s')
                && pair[1] != *last
                && pair[1].len() > 3
    });
    let has_to = is_farewell
        && (acts.first() == Some(&"gotta")
            || acts.windows(2).any(|pair| pair == ["i", "gotta"] || pair == ["gotta", "go"]));
    // The build just failed, CI went red.
    let happened = words.iter().skip(1).any(|word| EVENT_VERBS.contains(word));
    let is_chat = is_farewell && words.iter().any(|word| ["chatting", "talking", "chat", "talk"].contains(word));
    // An incomplete clause still counts as a remark before a phrase that only begins commands.
    let is_asked = begins(back, &REQUEST_STARTS) && words.len() <= 6 && back.split(' ').count() > 2;
    let is_clause = is_fragment(&words, back)
        || is_chat
        || is_asked
        || is_farewell && words.iter().any(|word| ["need", "needs", "wants"].contains(word))
        || happened
        || words.iter().any(|word| VERBS.contains(word))
        || noun_is
        || did
        || has_to;
    let before_last = words.len().checked_sub(2).map_or("", |at| words[at]);
    // The kids need me.
    let is_needed = is_farewell && ["need", "needs", "wants", "want"].contains(&before_last);
    let is_closed = is_chat
        || is_needed
        || before_last.ends_with("'s") && NOUN_PREDICATES.contains(last)
        || *last == "in" && PARTICIPLES_BEFORE_IN.contains(&before_last)
        || *last == "that" && ["with", "on", "for", "about"].contains(&before_last)
        || *last == "lovely"
        || *last == "early";
    let is_incomplete = !is_closed
        && (ENGLISH_INCOMPLETE_ENDS.contains(last) || last.ends_with("ly") || is_verb(last) || last.ends_with("'s"));
    // "It is a sad goodbye" contains a noun, no farewell.
    let near = &words[words.len().saturating_sub(4)..];
    let is_wish = begins(back, &["bye", "good night", "goodnight", "night", "nighty"]);
    let articles = ["a", "an", "the", "this", "that", "another"];
    let begins_so = words.len() < 3 && near.first().is_some_and(|word| articles.contains(word));
    let is_noun = is_wish
        && (begins_so
            || near.windows(2).any(|pair| {
                // Somebody's at the door: not an article before a noun "goodbye".
                articles.contains(&pair[1]) && !["at", "in", "on", "for", "to"].contains(&pair[0])
            }));
    let is_noun = is_noun || (back == "goodnight" || back == "good night") && near.contains(&"been");
    is_clause && !is_incomplete && !is_noun && words.len() <= MAX_WORDS && !words.iter().any(is_excluded)
}

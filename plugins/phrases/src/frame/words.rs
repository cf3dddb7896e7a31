//! The words around commands, by class. Rule: each word carries the flags of its class; a word of no class here
//! (tomorrow, he, because, …) is not listed and so makes an utterance talk.

use crate::path::Flags;

const NONE: Flags = Flags::NONE;
const POLITE: Flags = Flags::POLITE;
const WE: Flags = Flags::WE;
const WANTS: Flags = Flags::WANTS;
const CAN: Flags = Flags::CAN;
const REQUESTS: Flags = Flags::REQUESTS;
const QUESTION: Flags = Flags::QUESTION;
const TAG_QUESTION: Flags = Flags::TAG_QUESTION;
const SOON: Flags = Flags::SOON;
const LETS: Flags = WE.and(URGED);
const MAY_I: Flags = CAN.and(QUESTION);
const ABOUT_TO: Flags = SOON.and(CAN);
const NARRATES: Flags = Flags::NARRATES;
const URGED: Flags = Flags::URGED;
const NOW: Flags = Flags::NOW;
const AT_ONCE: Flags = Flags::AT_ONCE;

/// Addressees, in addition to the names of the device.
pub const ADDRESSEES: [&str; 24] = [
    "小智",
    "小智同学",
    "你好小智",
    "小爱",
    "小爱同学",
    "小度",
    "小度小度",
    "天猫精灵",
    "小艺",
    "小布",
    "小助手",
    "助手",
    "机器人",
    "同学",
    "xiaozhi",
    "xiao zhi",
    "alexa",
    "siri",
    "computer",
    "assistant",
    "robot",
    "buddy",
    "my friend",
    "dear",
];

/// Nouns of a polite request: be a dear, do me a favour.
#[rustfmt::skip]
pub const FAVOURS: [&str; 27] = [
    "dear", "love", "doll", "darling", "star", "angel", "sport", "good sport", "pal", "mate", "legend", "champ", "gem", "lamb", "treasure", "sweetheart", "good lad", "good robot", "good chap", "good assistant", "friend", "hero", "favour", "favor", "solid", "big favor", "big favour",
];

/// Words in front of a command.
#[rustfmt::skip]
pub const PREFIXES: [(&str, Flags); 671] = [
    ("would you be so kind to", REQUESTS), ("be so kind to", POLITE), ("be kind enough to", POLITE), ("would you be kind enough to", REQUESTS), ("would you be so good to", REQUESTS), ("be so good to", POLITE), ("please be so kind to", POLITE), ("please be so kind and", POLITE), ("would you be so kind and", REQUESTS), ("i'd be grateful if you could", REQUESTS), ("i would be grateful if you could", REQUESTS), ("i would appreciate it if you could", REQUESTS), ("i would appreciate if you could", REQUESTS), ("it would be great if you could", REQUESTS), ("it would be nice if you could", REQUESTS), ("it'd be great if you could", REQUESTS), ("i request you to", REQUESTS), ("i would request you to", REQUESTS), ("request you to", REQUESTS), ("kindly please", POLITE), ("please kindly", POLITE), ("please do", POLITE), ("do please", POLITE),
    // Fillers.
    ("嗯", NONE), ("嗯嗯", NONE), ("呃", NONE), ("额", NONE), ("啊", NONE), ("哦", NONE), ("噢", NONE), ("唉", NONE),
    ("诶", NONE), ("欸", NONE), ("哎", NONE), ("唔", NONE), ("哈", NONE), ("那个", NONE), ("这个", NONE), ("那", NONE),
    ("那么", NONE), ("那就", NONE), ("好", NONE), ("好的", NONE), ("好了", NONE), ("好吧", NONE), ("好嘞", NONE),
    ("好啦", NONE), ("好啊", NONE), ("好呀", NONE), ("行", NONE), ("行了", NONE), ("行吧", NONE), ("行啊", NONE),
    ("对", NONE), ("对了", NONE), ("是的", NONE), ("可以了", NONE), ("没问题", NONE), ("来", NONE), ("来吧", NONE),
    ("喂", NONE), ("嘿", NONE), ("嗨", NONE), ("你好", NONE), ("您好", NONE), ("哈喽", NONE), ("好好", NONE),
    ("um", NONE), ("umm", NONE), ("uh", NONE), ("er", NONE), ("erm", NONE), ("hmm", NONE), ("hm", NONE), ("mm", NONE),
    ("ah", NONE), ("oh", NONE), ("hey", NONE), ("hi", NONE), ("hello", NONE), ("ok", NONE), ("okay", NONE),
    ("k", NONE), ("all right", NONE), ("alright", NONE), ("right", NONE), ("great", NONE), ("good", NONE),
    ("fine", NONE), ("yes", NONE), ("yeah", NONE), ("yep", NONE), ("sure", NONE), ("so", NONE), ("now", NOW),
    ("just", NONE), ("ready", NONE), ("ok google", NONE), ("hey google", NONE), ("google", NONE), ("there", NONE), ("guys", NONE), ("folks", NONE), ("cool", NONE), ("perfect", NONE),
    // Addressed to the device.
    ("请", POLITE), ("请你", POLITE), ("请您", POLITE), ("请帮我", POLITE), ("帮我", POLITE), ("帮我们", POLITE),
    ("帮忙", POLITE), ("帮个忙", POLITE), ("麻烦", POLITE), ("麻烦你", POLITE), ("麻烦您", POLITE),
    ("麻烦帮我", POLITE), ("劳驾", POLITE), ("劳烦", POLITE), ("拜托", POLITE), ("给我", POLITE), ("给我们", POLITE),
    ("替我", POLITE), ("为我", POLITE), ("为我们", POLITE), ("谢谢", NONE), ("谢谢你", NONE), ("多谢", NONE), ("谢谢你的帮助", NONE), ("感谢", NONE),
    ("thanks for your help", NONE), ("thank you for your help", NONE), ("thanks for the help", NONE),
    ("我宣布", NONE), ("宣布", NONE), ("辛苦你", POLITE), ("辛苦您", POLITE),
    ("辛苦了", NONE), ("辛苦", NONE), ("please", POLITE), ("kindly", POLITE), ("go ahead and", POLITE),
    ("thanks", NONE), ("thank you", NONE), ("pls", POLITE),
    // Persons.
    ("你", Flags::YOU), ("您", Flags::YOU), ("我", Flags::I), ("我们", WE), ("咱们", WE.and(Flags::INCLUSIVE)), ("咱", WE.and(Flags::INCLUSIVE)), ("大家", Flags::ALL),
    ("各位", Flags::ALL), ("everyone", Flags::ALL), ("everybody", Flags::ALL), ("you", Flags::YOU),
    // Wishes.
    ("我要", WANTS), ("我想", WANTS), ("我想要", WANTS), ("我需要", WANTS), ("我们来", LETS), ("咱们来", LETS), ("大家来", LETS), ("i need", WANTS), ("i want", WANTS), ("give me", POLITE),
    ("我们要", WANTS), ("我们想", WANTS),
    ("我希望", WANTS), ("想要", WANTS), ("我想让你", POLITE), ("我要你", POLITE), ("我希望你", POLITE),
    ("i want to", WANTS), ("i wanna", WANTS), ("i'd like to", WANTS), ("i would like to", WANTS),
    ("i wish to", WANTS), ("we want to", WANTS), ("we'd like to", WANTS), ("we would like to", WANTS),
    ("i want you to", REQUESTS), ("i need you to", REQUESTS), ("i'd like you to", REQUESTS),
    ("i would like you to", REQUESTS),
    // Wishes and questions.
    ("能", CAN), ("能不能", CAN), ("可以", CAN), ("可不可以", CAN), ("可以不可以", CAN), ("能否", CAN), ("可否", CAN),
    ("是否可以", CAN), ("方便", CAN), ("会不会", CAN), ("要不", CAN), ("要不要", MAY_I), ("是不是", MAY_I),
    ("shall we", MAY_I), ("can we", MAY_I), ("may we", MAY_I),
    ("can i", MAY_I), ("we can", CAN.and(WE)), ("you can", REQUESTS), ("you may", REQUESTS), ("i need to", CAN.and(Flags::I)), ("we need to", CAN.and(WE)),
    ("could you", REQUESTS), ("can you", REQUESTS), ("would you", REQUESTS), ("will you", REQUESTS),
    // Urging.
    ("let's", URGED), ("lets", URGED), ("let us", URGED),
    // Times that mean now.
    ("现在", AT_ONCE), ("现在就", AT_ONCE), ("就现在", AT_ONCE), ("立刻", NONE), ("立即", NONE), ("这就", NONE), ("就", Flags::THEN),
    ("赶紧", NONE), ("赶快", NONE), ("直接", NONE), ("正式", NONE), ("重新", NONE), ("马上", SOON), ("快", SOON),
    ("快点", SOON), ("要", ABOUT_TO), ("就要", ABOUT_TO), ("immediately", NONE),
    // Steps of a narration.
    ("先", Flags::FIRST), ("然后", NARRATES), ("所以", NARRATES), ("再", NARRATES.and(Flags::THEN)), ("就是", NONE), ("继续", NARRATES), ("then", NARRATES),
    ("and then", NARRATES), ("and", NARRATES), ("well", NONE), ("it's time to", NARRATES), ("time to", NARRATES),
    // Additions to all of these classes.
    ("劳您驾", POLITE), ("劳驾您", POLITE), ("劳驾你", POLITE), ("有劳", POLITE), ("烦请", POLITE), ("帮", POLITE), ("帮我把", NONE), ("帮帮忙", POLITE), ("帮一下忙", POLITE),
    ("能麻烦你", POLITE), ("可以麻烦你", POLITE), ("给咱", POLITE), ("给咱们", POLITE), ("给大家", POLITE), ("替我们", POLITE), ("让我们", LETS), ("咱就", WE.and(Flags::INCLUSIVE)), ("那咱", WE.and(Flags::INCLUSIVE)),
    ("okay then", NONE), ("ok then", NONE), ("alright then", NONE), ("right then", NONE), ("hey there", NONE), ("hi there", NONE), ("anyway", NONE), ("anyways", NONE), ("yo", NONE),
    ("good then", NONE), ("and now", NOW), ("please go ahead and", POLITE), ("go on and", POLITE), ("be so kind as to", POLITE), ("would you be so kind as to", REQUESTS), ("do me a favor and", POLITE),
    ("do me a favour and", POLITE), ("gimme", POLITE), ("quickly", NONE), ("i would love to", WANTS), ("i'd love to", WANTS), ("i'd like", WANTS), ("i would like", WANTS), ("we'd love to", WANTS),
    ("could you maybe", REQUESTS), ("can you just", REQUESTS), ("could you just", REQUESTS), ("could you kindly", REQUESTS), ("mate", NONE), ("man", NONE), ("bro", NONE), ("dude", NONE),
    ("team", NONE), ("ladies and gentlemen", NONE), ("伙计", NONE), ("伙计们", NONE), ("兄弟们", NONE), ("小伙伴们", NONE), ("同事们", NONE), ("同学们", NONE), ("朋友们", NONE),
    ("朋友", NONE), ("亲", NONE), ("哎呀", NONE), ("哎哟", NONE), ("得", NONE), ("得了", NONE), ("得嘞", NONE), ("成", NONE), ("ok了", NONE), ("妥", NONE), ("嗯好", NONE), ("走", NONE),
    ("听着", NONE), ("这样", NONE), ("这样吧", NONE), ("那我们", LETS), ("那咱们", LETS), ("go ahead", POLITE), ("接下来", NONE), ("下面", NONE), ("请大家", NONE),
    ("okie dokie", NONE), ("okey dokey", NONE), ("okey doke", NONE), ("okie doke", NONE), ("righto", NONE), ("right o", NONE), ("righty o", NONE), ("alrighty", NONE), ("alrighty then", NONE), ("yup", NONE), ("oi", NONE), ("ooh", NONE), ("phew", NONE), ("来来来", NONE), ("来来", NONE), ("好好好", NONE), ("行行行", NONE), ("快快快", NONE), ("那现在", NONE), ("得咧", NONE), ("好咧", NONE), ("好了好了", NONE), ("行了行了", NONE), ("成成", NONE), ("中", NONE), ("嗨呀", NONE), ("哎哎", NONE), ("喂喂", NONE), ("哟", NONE), ("oh right", NONE), ("oh and", NONE), ("oh yeah", NONE), ("lovely", NONE), ("brilliant", NONE), ("excellent", NONE), ("awesome", NONE), ("nice", NONE), ("sweet", NONE), ("super", NONE), ("good stuff", NONE), ("no worries", NONE),
    ("can you please", REQUESTS), ("could you please", REQUESTS), ("would you please", REQUESTS), ("can you quickly", REQUESTS), ("could you quickly", REQUESTS),
    ("could you possibly", REQUESTS), ("can you possibly", REQUESTS), ("would you possibly", REQUESTS), ("could you please just", REQUESTS), ("can you go", REQUESTS), ("could you go", REQUESTS), ("would you kindly", REQUESTS), ("could you be so kind as to", REQUESTS), ("any chance you could", REQUESTS), ("any chance you can", REQUESTS), ("is there any chance you could", REQUESTS), ("do you think you could", REQUESTS), ("do you think you can", REQUESTS),   ("i wonder if you could", REQUESTS), ("i was wondering if you could", REQUESTS), ("i'd appreciate it if you could", REQUESTS), ("can i get you to", REQUESTS), ("could i get you to", REQUESTS), ("can i ask you to", REQUESTS), ("could i ask you to", REQUESTS), ("may i ask you to", REQUESTS), ("mind if i ask you to", REQUESTS), ("i'll need you to", REQUESTS), ("i just need you to", REQUESTS), ("we need you to", REQUESTS), ("we'd like you to", REQUESTS), ("would you be able to", REQUESTS), ("can you help me", REQUESTS), ("could you help me", REQUESTS), ("help me", REQUESTS), ("go on then", NONE), ("go on", NONE), ("right so", NONE), ("well then", NONE), ("now then", NONE), ("ta", NONE), ("ta very much", NONE), ("ta muchly", NONE), ("thanks for that", NONE), ("thank you for that", NONE), ("thanks a bunch", NONE), ("thanks a million", NONE), ("much obliged", NONE), ("bless you", NONE), ("okay so", NONE), ("ok so", NONE), ("alright so", NONE), ("right okay", NONE), ("okay right", NONE), ("okay cool", NONE), ("okay great", NONE), ("okay good", NONE), ("yeah okay", NONE), ("yeah so", NONE), ("oh okay", NONE), ("ah right", NONE), ("ah okay", NONE), ("okey", NONE), ("okeydokey", NONE), ("aye", NONE), ("gotcha", NONE), ("got it", NONE), ("sounds good", NONE), ("fair enough", NONE), ("very good", NONE), ("splendid", NONE), ("wonderful", NONE), ("fantastic", NONE), ("marvellous", NONE), ("smashing", NONE), ("grand", NONE), ("champion", NONE), ("chop chop", NONE), ("quick", NONE), ("by the way", NONE), ("oh by the way", NONE), ("actually", NONE), ("oh actually", NONE), ("basically", NONE), ("you know", NONE), ("let me think", NONE), ("let me see", NONE), ("let's see", NONE), ("let me see now", NONE), ("hang on", NONE), ("hold on", NONE), ("one sec", NONE), ("just a sec", NONE), ("love", NONE), ("darling", NONE), ("sweetheart", NONE), ("honey", NONE), ("pal", NONE), ("chief", NONE), ("boss", NONE), ("lads", NONE), ("ladies", NONE), ("gents", NONE), ("gang", NONE), ("people", NONE), ("y'all", NONE), ("you lot", NONE), ("friend", NONE), ("old friend", NONE), ("little buddy", NONE), ("my dear", NONE), ("dear friend", NONE), ("小家伙", NONE), ("小宝贝", NONE), ("宝贝", NONE), ("小可爱", NONE), ("小朋友", NONE), ("老伙计", NONE), ("老铁", NONE), ("哥们", NONE), ("小伙子", NONE), ("小同志", NONE), ("乖乖", NONE), ("小乖乖", NONE), ("小机灵", NONE), ("好嘛", NONE), ("好哩", NONE), ("好滴", NONE), ("好哒", NONE), ("行嘞", NONE), ("行呗", NONE), ("行行", NONE), ("成嘞", NONE), ("中嘞", NONE), ("妥了", NONE), ("妥妥的", NONE), ("齐活", NONE), ("得令", NONE), ("我说", NONE), ("我看", NONE), ("我想想", NONE), ("让我想想", NONE), ("我想一下", NONE), ("对对", NONE), ("对对对", NONE), ("哎对", NONE), ("哎对了", NONE), ("哎对了对了", NONE), ("对了对了", NONE), ("啊对了", NONE), ("喏", NONE), ("呐", NONE), ("嘿嘿", NONE), ("呵呵", NONE), ("哈哈", NONE), ("快快", NONE), ("快来", NONE), ("来嘛", NONE), ("来呀", NONE), ("来呗", NONE), ("话说", NONE), ("说起来", NONE), ("其实", NONE), ("反正", NONE), ("总之", NONE), ("干脆", NONE), ("麻溜", NONE), ("麻溜的", NONE), ("麻利", NONE), ("麻利儿", NONE), ("赶紧的", NONE), ("快点的", NONE), ("嗯就是", NONE), ("就是说", NONE), ("那个啥", NONE), ("那啥", NONE), ("这啥", NONE), ("怎么说呢", NONE), ("先谢谢了", NONE), ("先谢了", NONE), ("谢谢啊", NONE), ("谢谢哈", NONE), ("多谢了", NONE), ("劳驾了", NONE), ("咱现在", NONE), ("大家安静", NONE), ("请注意", NONE),
    ("你给", POLITE), ("你给我", POLITE), ("你给咱", POLITE), ("你给我们", POLITE), ("你帮", POLITE), ("你帮我", POLITE), ("你帮忙", POLITE), ("你替我", POLITE), ("你现在给", POLITE), ("你现在", POLITE), ("你快", POLITE), ("你快点", POLITE), ("你赶紧", POLITE), ("你这就", POLITE), ("那你就", POLITE), ("你就", POLITE), ("你直接", POLITE), ("你先", POLITE), ("给俺", POLITE), ("please do one thing", POLITE), ("do one thing", POLITE), ("do me one thing", POLITE), ("one thing", NONE), ("just please", POLITE), ("please just", POLITE), ("could we", CAN.and(Flags::POLITE)), ("can we please", POLITE), ("could we please", POLITE), ("那个那个", NONE), ("就那个", NONE), ("那啥", NONE), ("这样啊", NONE), ("well okay", NONE), ("so okay", NONE), ("ok so", NONE), ("okay so", NONE), ("right so", NONE), ("yaar", NONE), ("chalo", NONE), ("acha", NONE), ("bhai", NONE), ("mm okay", NONE), ("lah", NONE), ("quick", NONE), ("real quick", NONE),
    ("趁这会", NONE), ("趁现在", NONE), ("趁这时候", NONE), ("趁这工夫", NONE), ("趁有空", NONE), ("顺便", NONE), ("顺手", NONE),
    ("早点", NONE), ("好家伙", NONE), ("乖", NONE),
    ("you can now", REQUESTS), ("you may now", REQUESTS), ("you can go ahead and", REQUESTS), ("you can just", REQUESTS), ("feel free to", REQUESTS),
    ("然后呢", NONE), ("老样子", NONE), ("老规矩", NONE), ("照旧", NONE), ("各位同仁", NONE), ("同仁们", NONE), ("听着点", NONE), ("早啊", NONE), ("打工人", NONE), ("撸起袖子", NONE), ("起来", NONE), ("oh hang on", NONE), ("ugh", NONE), ("argh", NONE), ("blimey", NONE), ("gosh", NONE), ("boom", NONE), ("phew okay", NONE), ("first", NONE), ("first off", NONE), ("first things first", NONE),
    ("一起", WE), ("打起精神", NONE), ("各位领导", NONE), ("各位同事", NONE), ("各位老师", NONE), ("各位同学", NONE), ("各位朋友", NONE), ("各位嘉宾", NONE), ("各位来宾", NONE), ("各位专家", NONE), ("各位伙伴", NONE), ("各位家人", NONE), ("各位小伙伴", NONE), ("尊敬的", NONE), ("女士们", NONE), ("先生们", NONE),
    ("hiya", NONE), ("howdy", NONE), ("heya", NONE), ("oh no", NONE), ("nah", NONE), ("quick one", NONE),
    ("finally", NONE),
    ("hello everyone", NONE), ("hello everybody", NONE), ("hello all", NONE), ("hi everyone", NONE), ("hi everybody", NONE), ("hi all", NONE), ("hey everyone", NONE), ("hey all", NONE), ("morning all", NONE), ("morning everyone", NONE), ("good morning all", NONE), ("good afternoon all", NONE), ("evening all", NONE), ("各位好", NONE), ("诸位", NONE),
];

/// Words after a command.
#[rustfmt::skip]
pub const SUFFIXES: [(&str, Flags); 396] = [
    ("吧", URGED), ("罢", URGED), ("啊", NONE), ("呀", NONE), ("哦", NONE), ("噢", NONE), ("喔", NONE), ("呗", URGED),
    ("哈", NONE), ("咯", Flags::COMPLETED), ("喽", Flags::COMPLETED), ("哟", NONE), ("嘞", NONE), ("啦", Flags::COMPLETED),
    ("了", Flags::COMPLETED), ("一下", NONE), ("嗯", NONE), ("呃", NONE), ("额", NONE), ("那个", NONE), ("好", NONE),
    ("好的", NONE), ("好了", NONE), ("谢谢", NONE), ("谢谢你", NONE), ("谢谢您", NONE), ("谢谢你的帮助", NONE), ("谢谢帮助", NONE), ("感谢", NONE), ("感谢你的帮助", NONE), 
    ("thanks for your help", NONE), ("thank you for your help", NONE), ("thanks for the help", NONE),
    ("thank you so much", NONE), ("谢了", NONE), ("谢谢大家", NONE),
    ("大家辛苦了", NONE), ("多谢", NONE), ("拜托", POLITE), ("拜托了", POLITE), ("麻烦了", POLITE), ("麻烦你了", POLITE),
    ("辛苦了", NONE), ("辛苦你了", NONE), ("请", POLITE), ("现在", AT_ONCE), ("马上", NONE), ("立刻", NONE), ("立即", NONE),
    ("快", NONE), ("快点", NONE), ("赶紧", NONE), ("赶快", NONE), ("给我", NONE), ("各位", NONE), ("大家", NONE),
    ("你", NONE), ("吗", QUESTION), ("么", QUESTION), ("嘛", NONE), ("好吗", TAG_QUESTION), ("好嘛", TAG_QUESTION), ("好不好", TAG_QUESTION),
    ("行吗", TAG_QUESTION), ("行不行", TAG_QUESTION), ("可以吗", MAY_I), ("可不可以", MAY_I), ("能不能", MAY_I),
    ("please", POLITE), ("pls", POLITE), ("now", NOW), ("right now", NOW), ("right away", NOW),
    ("straight away", NONE), ("immediately", NONE), ("at once", NONE), ("already", NONE), ("for me", NONE),
    ("for us", NONE), ("then", NONE), ("thanks", NONE), ("thank you", NONE), ("and thank you", NONE), ("and thanks", NONE), ("thank you very much", NONE),
    ("thanks a lot", NONE), ("ok", NONE), ("okay", NONE), ("all right", NONE), ("alright", NONE), ("will you", REQUESTS),
    ("would you", REQUESTS), ("could you", REQUESTS), ("can you", REQUESTS), ("everyone", NONE), ("everybody", NONE),
    ("guys", NONE), ("folks", NONE), ("all", NONE), ("um", NONE), ("uh", NONE),   ("out loud", NONE), ("aloud", NONE),
    // Additions to these classes.
    ("给我看", NONE), ("给我看看", NONE), ("给我看一下", NONE), ("给我听", NONE), ("给我听听", NONE), ("给我听一下", NONE), ("我看看", NONE), ("我看一下", NONE), ("我听听", NONE), ("让我看看", NONE),
    ("让我看一下", NONE), ("给大家看看", NONE), ("给我们看看", NONE), ("看看", NONE), ("看一下", NONE), ("来看看", NONE), ("到屏幕上", NONE), ("在屏幕上", NONE),   
      ("感激不尽", NONE), ("多谢了", NONE), ("辛苦", NONE), ("好嘞", NONE), ("就现在", AT_ONCE), ("亲", NONE), ("伙计们", NONE), ("小伙伴们", NONE),
    ("小智", NONE), ("on the screen", NONE), ("on screen", NONE), ("on the display", NONE), ("mate", NONE), ("man", NONE), ("buddy", NONE), ("bro", NONE), ("dude", NONE), ("team", NONE), ("for today", NONE),
    ("for now", NONE), ("here", NONE), ("again", NONE), ("asap", NONE), ("quickly", NONE), ("as soon as possible", NONE), ("ta", NONE), ("will ya", REQUESTS), ("would ya", REQUESTS), ("so", NONE), ("yeah", NONE),
    ("this minute", NOW), ("shall we", NONE), ("this instant", NOW), ("so we can start", NONE), ("so we can begin", NONE), ("so i can see it", NONE), ("thanks again", NONE), ("can ya", REQUESTS), ("today", Flags::ABOUT_OBJECT),
    ("real quick", NONE), ("real quick please", NONE), ("love", NONE), ("hon", NONE), ("honey", NONE), ("sweetie", NONE), ("pal", NONE), ("darling", NONE), ("cheers", NONE), ("ta love", NONE), ("thanks love", NONE), ("thanks mate", NONE), ("please love", NONE), ("if you please", NONE), ("if you don't mind", NONE), ("when you're ready", NONE), ("好伐", NONE), ("一下下", NONE), ("您嘞", NONE), ("您呐", NONE), ("谢谢哈", NONE), ("谢谢啊", NONE), ("谢谢您嘞", NONE), ("多谢哈", NONE), ("谢谢了", NONE), ("噻", NONE), ("撒", NONE), ("嗷", NONE), ("哒", NONE), ("劳驾", NONE), ("劳驾了", NONE), ("麻烦你", NONE), ("麻烦您", NONE), ("谢谢小智", NONE), ("可以吧", NONE),
    ("there we go", NONE), ("ta very much", NONE), ("ta muchly", NONE), ("thanks for that", NONE), ("thank you for that", NONE), ("thanks a bunch", NONE), ("thanks a million", NONE), ("much obliged", NONE), ("thanks in advance", NONE), ("many thanks", NONE), ("cheers mate", NONE), ("cheers love", NONE), ("ta mate", NONE), ("thanks dear", NONE), ("thank you dear", NONE), ("thanks buddy", NONE), ("thanks pal", NONE), ("please and thank you", NONE), ("please and thanks", NONE), ("sweetheart", NONE), ("dear", NONE), ("my dear", NONE), ("friend", NONE), ("my friend", NONE), ("chief", NONE), ("boss", NONE), ("pronto", NONE), ("stat", NONE), ("sharpish", NONE), ("on the double", NONE), ("with me", NONE), ("with us", NONE), ("for everyone", NONE), ("for everybody", NONE), ("for the team", NONE), ("for all of us", NONE), ("for the room", NONE), ("while you're at it", NONE), ("lads", NONE), ("gang", NONE), ("y'all", NONE), ("you lot", NONE), ("ladies and gentlemen", NONE), ("yes", NONE),  ("right then", NONE), ("then please", NONE),  ("again please", NONE), ("one more time", NONE), ("once more", NONE), ("from the top", NONE), ("and that", NONE), ("哩", NONE), ("哇", NONE), ("呦", NONE), ("嘿", NONE), ("噢耶", NONE),   ("念一遍", NONE), ("念念", NONE), ("念一念", NONE), ("念给我听", NONE), ("念给我听听", NONE), ("念一下", NONE), ("读一遍", NONE), ("读读", NONE), ("读一下", NONE), ("读给我听", NONE), ("读给我听听", NONE), ("给我念念", NONE), ("给我念一下", NONE), ("给我念一遍", NONE), ("给我读读", NONE), ("给我读一下", NONE), ("给我读一遍", NONE), ("给我说说", NONE), ("报一遍", NONE), ("报一下", NONE), ("给我报一下", NONE), ("给我报报", NONE), ("说给我听", NONE), ("说给我听听", NONE), ("我瞅瞅", NONE), ("我瞧瞧", NONE), ("我听一下", NONE), ("让我瞅瞅", NONE), ("让我瞧瞧", NONE), ("让我听听", NONE), ("我看一眼", NONE), ("让我看一眼", NONE), ("给我瞅瞅", NONE), ("给我瞧瞧", NONE), ("给我瞅一眼", NONE), ("给我看一眼", NONE), ("给大家看", NONE), ("给大家看一下", NONE), ("给大家念念", NONE), ("给大家听听", NONE), ("给大伙看看", NONE), ("大家看看", NONE), ("大家看一下", NONE), ("咱看看", NONE), ("咱们看看", NONE), ("咱们看一下", NONE), ("一块看看", NONE), ("一起看看", NONE), ("快快", NONE), ("快一点", NONE), ("快点的", NONE), ("麻溜的", NONE), ("赶紧的", NONE), ("先谢谢了", NONE), ("先谢了", NONE), ("谢谢噢", NONE), ("谢谢哦", NONE), ("谢谢呀", NONE), ("谢谢嘞", NONE), ("谢谢咯", NONE), ("多谢啦", NONE), ("辛苦啦", NONE), ("辛苦辛苦", NONE), ("麻烦啦", NONE), ("麻烦你啦", NONE), ("拜托拜托", NONE), ("小家伙", NONE), ("宝贝", NONE), ("小可爱", NONE), ("老伙计", NONE), ("小助手", NONE), ("哥们", NONE), ("老铁", NONE), ("小同志", NONE), ("好好", NONE), ("行", NONE), ("好不啦", NONE), ("行伐", NONE), ("可好", TAG_QUESTION),
    ("if that's alright", NONE), ("if that's okay", NONE), ("if that's all right", NONE), ("if that's ok", NONE), ("if it's no trouble", NONE), ("if you wouldn't mind", NONE), ("if you don't mind me asking", NONE), ("first", Flags::ABOUT_OBJECT), ("走你", NONE), ("走着", NONE), ("投到屏幕上", NONE), ("放到屏幕上", NONE), ("都回去吧", NONE), ("大家回去吧", NONE), ("咋回事", NONE), ("怎么回事", NONE), ("啥情况", NONE), ("什么情况", NONE), ("怎么样了", NONE),
    ("anyway", NONE), ("anyways", NONE), ("regardless", NONE), ("without further ado", NONE),
    ("嗯嗯", NONE), ("快点", NONE), ("快点吧", URGED), ("快点啊", NONE), ("噢", NONE), ("行不", TAG_QUESTION), ("中不", TAG_QUESTION), ("成不", TAG_QUESTION), ("好不", TAG_QUESTION), ("可以不", TAG_QUESTION), ("yaar", NONE), ("lah", NONE), ("ya", NONE), ("na", NONE), ("innit", NONE), ("eh", NONE), ("bhai", NONE), ("ji", NONE), ("starting now", NOW), ("from now", NOW), ("from now on", NOW), ("beginning now", NOW), ("从现在开始", AT_ONCE), ("从现在起", AT_ONCE), ("and save it", NONE), ("and save everything", NONE), ("并保存", NONE), ("并保存一下", NONE), ("然后保存", NONE), ("保存一下", NONE), ("保存", NONE), ("存一下", NONE), ("thanks now", NONE), ("now thanks", NOW), ("now thank you", NOW), ("would you please", REQUESTS), ("can you please", REQUESTS), ("could you please", REQUESTS),
    ("爱你", NONE), ("爱你哦", NONE), ("么么", NONE), ("love you", NONE), ("love ya", NONE),
];

//! Which brackets describe a sound. Rule: what a person may have dictated in brackets stays; inside of a
//! sentence only descriptions that are known are taken out.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A kind of brackets, in all its widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
    Angle,
    Star,
}

impl Bracket {
    pub(super) fn opened_by(one: char) -> Option<Self> {
        match one {
            '(' | '（' => Some(Self::Round),
            '[' | '［' | '【' | '〔' => Some(Self::Square),
            '{' | '｛' => Some(Self::Curly),
            '<' | '＜' => Some(Self::Angle),
            '*' | '＊' => Some(Self::Star),
            _ => None,
        }
    }

    pub(super) fn closes(self, one: char) -> bool {
        match self {
            Self::Round => matches!(one, ')' | '）'),
            Self::Square => matches!(one, ']' | '］' | '】' | '〕'),
            Self::Curly => matches!(one, '}' | '｝'),
            Self::Angle => matches!(one, '>' | '＞'),
            Self::Star => matches!(one, '*' | '＊'),
        }
    }
}

/// A pair of brackets, by indices of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) bracket: Bracket,
    pub(super) begin: usize,
    /// Behind the closing one.
    pub(super) end: usize,
}

impl Group {
    /// A number or a letter, as people count with.
    pub(super) fn is_number(&self, text: &[char]) -> bool {
        let content = text.get(self.begin + 1..self.end - 1).unwrap_or_default();
        let content: Vec<char> = content.iter().copied().filter(|one| one.is_alphanumeric()).collect();
        let counts = |one: &char| one.is_numeric() || "零一二三四五六七八九十百千万两甲乙丙丁".contains(*one);
        matches!(self.bracket, Bracket::Round | Bracket::Star)
            && !content.is_empty()
            && (content.iter().all(counts) || (content.len() == 1 && content[0].is_ascii_alphabetic()))
    }
}

/// Longest description of a sound, in characters and in words.
const LENGTH: usize = 80;
const WORDS: usize = 8;
/// The same in Chinese, in characters.
const WORDS_HAN: usize = 12;

/// Whether a pair of brackets with this content describes a sound; `attached` where a word stands just
/// before it.
pub(super) fn is_mark(bracket: Bracket, content: &[char], attached: bool) -> bool {
    if content.len() > LENGTH {
        return false;
    }
    if !content.iter().any(|one| one.is_alphanumeric()) {
        // Such as the brackets of main().
        return !attached;
    }
    if bracket == Bracket::Square && is_time(content) {
        return true;
    }
    let content = plain(content);
    let words: Vec<&str> = content.split_whitespace().collect();
    if words.len() > WORDS {
        return false;
    }
    let whole = words.concat();
    let known = EVENTS.contains(&*whole) || EVENTS_HAN.contains(&*whole);
    let is_event = |word: &&str| EVENTS.contains(*word);
    match bracket {
        Bracket::Angle => known || TOKENS.contains(&*whole),
        // People put things in brackets behind a word: 爱好（音乐）.
        Bracket::Round if attached => {
            (known || words.iter().all(is_event)) && !words.iter().any(|word| THINGS.contains(*word))
        }
        Bracket::Round => {
            known || sounds_han(&whole) || words.first().is_some_and(is_event) || words.last().is_some_and(is_event)
        }
        Bracket::Square if is_speaker(&whole) => true,
        _ => known || sounds_han(&whole) || words.iter().any(is_event) || (whole.len() > 1 && TOKENS.contains(&*whole)),
    }
}

/// In lower case, with blanks for whatever is neither a letter nor a digit.
fn plain(text: &[char]) -> String {
    let letter = |one: &char| if one.is_alphanumeric() || *one == '\'' { *one } else { ' ' };
    text.iter().map(letter).flat_map(char::to_lowercase).collect()
}

/// Whether a text without brackets does nothing but describe a sound, in a few words.
pub(super) fn describes_sound(text: &[char]) -> bool {
    if text.len() > LENGTH {
        return false;
    }
    let text = plain(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.concat();
    let is_event = |word: &&str| EVENTS.contains(*word);
    EVENTS_HAN.contains(&*whole)
        || (words.iter().any(is_event) && words.iter().all(|word| is_event(word) || MANNERS.contains(*word)))
}

/// Who is speaking, as services label them: `SPEAKER_00`.
fn is_speaker(whole: &str) -> bool {
    let number = whole.strip_prefix("speaker").or_else(|| whole.strip_prefix("说话人"));
    number.is_some_and(|number| number.chars().all(char::is_numeric))
}

/// `00:00:01.000 --> 00:00:02.500` and the like.
fn is_time(content: &[char]) -> bool {
    content.contains(&':') && content.iter().all(|one| one.is_ascii_digit() || " :.,->→".contains(*one))
}

/// Whether a description in Chinese or Japanese ends as those of sounds do.
fn sounds_han(whole: &str) -> bool {
    whole.chars().count() <= WORDS_HAN && ENDS_HAN.iter().any(|end| whole.ends_with(end))
}

/// Words, none twice.
type Words = LazyLock<HashSet<&'static str>>;

fn words(list: &'static str) -> HashSet<&'static str> {
    list.split_whitespace().collect()
}

/// Of vocabularies of recognisers.
static TOKENS: Words = LazyLock::new(|| {
    words(
        "unk unknown s pad eps sil sp spn nsn nspch blank blankaudio audio nospeech nonspeech speech mask bos eos noise
         lau event end endofaudio eot",
    )
});

/// What descriptions of sounds say.
static EVENTS: Words = LazyLock::new(|| {
    words(
        "applause applauding clapping claps cheering cheers laughter laughing laughs laugh chuckles chuckling chuckle
         giggles giggling sighs sighing sigh coughs coughing cough sneezes sneezing sneeze sniffs sniffles sniffling
         gasps gasping gasp groans groaning moans grunts grunting yawns yawning yawn breathing breathes breath breathe
         exhales inhales snoring snores humming hums whistling whistles singing sings crying cries sobbing sobs
         screaming screams shouting whispering whispers murmuring mumbles mumbling muttering burps hiccups kissing
         lipsmack smacks swallows gulps slurps chewing throat clears footsteps knocking knocks beeping beep beeps
         buzzing buzzer buzz ringing rings ringtone chimes chiming clicking clicks click clacking ticking typing
         rustling rattling clattering banging thud thumping crackling static hissing whirring revving honking honks
         sirens siren barking barks meows meowing chirping chirps crowing mooing squeaking creaking creaks slams
         splashing dripping gunshot gunshots gunfire explosion thunder chatter chattering crosstalk babble indistinct
         inaudible unintelligible unclear blankaudio blank nospeech nonspeech silence silent pause pauses music musical
         musicplaying song sound sounds noise noises vocalizednoise spokennoise foreign foreignlanguage speaks speaking
         audio video música musica musique musik rires applaudissements risas aplausos gelächter applaus lachen risate
         applausi risos silencio stille музыка смех аплодисменты вздох тишина 음악 웃음 박수 침묵",
    )
});

/// How descriptions say that music is.
static MANNERS: Words = LazyLock::new(|| {
    words(
        "upbeat soft gentle slow fast light calm dramatic ominous tense sad happy cheerful lively intro outro theme
         background instrumental electronic classical rock jazz piano guitar plays playing continues fades fading out in
         starts stops ends the",
    )
});

/// Of these, what people talk of, too.
static THINGS: Words = LazyLock::new(|| {
    words(
        "music song sound sounds noise noises silence pause video audio static click event throat breath blank musik
         musique música musica foreign speaking singing typing thunder end speech 音乐 音樂 音楽 静音 靜音 暂停 噪音 声音
         聲音 视频 空白 歌曲 음악 музыка",
    )
});

/// The same in Chinese and Japanese.
static EVENTS_HAN: Words = LazyLock::new(|| {
    words(
        "笑 大笑 微笑 苦笑 笑声 笑聲 众人笑 观众笑 笑い 笑い声 掌声 掌聲 鼓掌 拍手 欢呼 歡呼 咳嗽 咳 清嗓子 叹气 嘆氣 叹息 哭 哭泣
         抽泣 哽咽 喘息 喘气 呼吸 打喷嚏 喷嚏 打哈欠 哈欠 打嗝 鼾声 沉默 無音 静音 靜音 安静 寂静 无声 無聲 暂停 停顿 噪音 噪声
         杂音 雜音 音乐 音樂 音楽 背景音乐 背景音樂 纯音乐 轻音乐 片头曲 片尾曲 歌曲 唱歌 哼唱 口哨 尖叫 听不清 聽不清 听不清楚
         无法识别 不清楚 空白 空白音频 无语音 外语 外語 说外语 讲外语 环境音 声音",
    )
});

/// Ends of descriptions in Chinese and Japanese.
const ENDS_HAN: [&str; 17] = [
    "声",
    "聲",
    "音乐",
    "音樂",
    "音楽",
    "笑",
    "噪音",
    "杂音",
    "掌声",
    "鼓掌",
    "欢呼",
    "咳嗽",
    "叹气",
    "哭泣",
    "沉默",
    "听不清",
    "の音",
];

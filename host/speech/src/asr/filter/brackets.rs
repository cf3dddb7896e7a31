//! Decides which brackets describe a sound. Rule: brackets that a person may have dictated stay; inside a sentence only
//! known descriptions are removed.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A kind of bracket, in all its widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
    Angle,
    Star,
}

impl Bracket {
    pub(super) fn opened_by(c: char) -> Option<Self> {
        match c {
            '(' | '（' => Some(Self::Round),
            '[' | '［' | '【' | '〔' => Some(Self::Square),
            '{' | '｛' => Some(Self::Curly),
            '<' | '＜' => Some(Self::Angle),
            '*' | '＊' => Some(Self::Star),
            _ => None,
        }
    }

    pub(super) fn closes(self, c: char) -> bool {
        match self {
            Self::Round => matches!(c, ')' | '）'),
            Self::Square => matches!(c, ']' | '］' | '】' | '〕'),
            Self::Curly => matches!(c, '}' | '｝'),
            Self::Angle => matches!(c, '>' | '＞'),
            Self::Star => matches!(c, '*' | '＊'),
        }
    }
}

/// A pair of brackets, by indices into a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) bracket: Bracket,
    pub(super) begin: usize,
    /// Behind the closing bracket.
    pub(super) end: usize,
}

impl Group {
    /// Whether it contains a number or a letter, as in an enumeration.
    pub(super) fn is_number(&self, text: &[char]) -> bool {
        let content = text.get(self.begin + 1..self.end - 1).unwrap_or_default();
        let content: Vec<char> = content.iter().copied().filter(|c| c.is_alphanumeric()).collect();
        let counts = |c: &char| c.is_numeric() || "零一二三四五六七八九十百千万两甲乙丙丁".contains(*c);
        matches!(self.bracket, Bracket::Round | Bracket::Star)
            && !content.is_empty()
            && (content.iter().all(counts) || (content.len() == 1 && content[0].is_ascii_alphabetic()))
    }
}

/// Longest sound description, in characters and in words.
const MAX_CHARS: usize = 80;
const MAX_WORDS: usize = 8;
/// The same for Chinese, in characters.
const MAX_CHARS_HAN: usize = 12;

/// Whether a pair of brackets with this content describes a sound; `attached` where a word stands directly before it.
pub(super) fn is_sound_description(bracket: Bracket, content: &[char], attached: bool) -> bool {
    if content.len() > MAX_CHARS {
        return false;
    }
    if !content.iter().any(|c| c.is_alphanumeric()) {
        // Such as the brackets of main().
        return !attached;
    }
    if bracket == Bracket::Square && is_time(content) {
        return true;
    }
    let content = plain(content);
    let words: Vec<&str> = content.split_whitespace().collect();
    if words.len() > MAX_WORDS {
        return false;
    }
    let whole = words.concat();
    let known = SOUNDS.contains(&*whole) || SOUNDS_HAN.contains(&*whole);
    let is_sound = |word: &&str| SOUNDS.contains(*word);
    match bracket {
        Bracket::Angle => known || SPECIAL_TOKENS.contains(&*whole),
        // People add explanations in brackets: 爱好（音乐）.
        Bracket::Round if attached => {
            (known || words.iter().all(is_sound)) && !words.iter().any(|word| TOPICS.contains(*word))
        }
        Bracket::Round => {
            known || is_sound_han(&whole) || words.first().is_some_and(is_sound) || words.last().is_some_and(is_sound)
        }
        Bracket::Square if is_speaker(&whole) => true,
        _ => {
            known
                || is_sound_han(&whole)
                || words.iter().any(is_sound)
                || (whole.len() > 1 && SPECIAL_TOKENS.contains(&*whole))
        }
    }
}

/// Lower case, with blanks for everything that is neither letter nor digit.
fn plain(text: &[char]) -> String {
    let letter = |c: &char| if c.is_alphanumeric() || *c == '\'' { *c } else { ' ' };
    text.iter().map(letter).flat_map(char::to_lowercase).collect()
}

/// Whether a text without brackets only describes a sound, in a few words.
pub(super) fn describes_sound(text: &[char]) -> bool {
    if text.len() > MAX_CHARS {
        return false;
    }
    let text = plain(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let whole = words.concat();
    let is_sound = |word: &&str| SOUNDS.contains(*word);
    SOUNDS_HAN.contains(&*whole)
        || (words.iter().any(is_sound) && words.iter().all(|word| is_sound(word) || QUALIFIERS.contains(*word)))
}

/// Speaker labels of services: `SPEAKER_00`.
fn is_speaker(whole: &str) -> bool {
    let number = whole.strip_prefix("speaker").or_else(|| whole.strip_prefix("说话人"));
    number.is_some_and(|number| number.chars().all(char::is_numeric))
}

/// `00:00:01.000 --> 00:00:02.500` and the like.
fn is_time(content: &[char]) -> bool {
    content.contains(&':') && content.iter().all(|c| c.is_ascii_digit() || " :.,->→".contains(*c))
}

/// Whether a Chinese or Japanese description ends like one of a sound.
fn is_sound_han(whole: &str) -> bool {
    whole.chars().count() <= MAX_CHARS_HAN && SUFFIXES_HAN.iter().any(|end| whole.ends_with(end))
}

/// A set of words.
type WordSet = LazyLock<HashSet<&'static str>>;

fn word_set(list: &'static str) -> HashSet<&'static str> {
    list.split_whitespace().collect()
}

/// Special tokens of recogniser vocabularies.
static SPECIAL_TOKENS: WordSet = LazyLock::new(|| {
    word_set(
        "unk unknown s pad eps sil sp spn nsn nspch blank blankaudio audio nospeech nonspeech speech mask bos eos noise
         lau event end endofaudio eot",
    )
});

/// Words of sound descriptions.
static SOUNDS: WordSet = LazyLock::new(|| {
    word_set(
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

/// Words that qualify music in descriptions.
static QUALIFIERS: WordSet = LazyLock::new(|| {
    word_set(
        "upbeat soft gentle slow fast light calm dramatic ominous tense sad happy cheerful lively intro outro theme
         background instrumental electronic classical rock jazz piano guitar plays playing continues fades fading out in
         starts stops ends the",
    )
});

/// Sound words that people also talk about.
static TOPICS: WordSet = LazyLock::new(|| {
    word_set(
        "music song sound sounds noise noises silence pause video audio static click event throat breath blank musik
         musique música musica foreign speaking singing typing thunder end speech 音乐 音樂 音楽 静音 靜音 暂停 噪音 声音
         聲音 视频 空白 歌曲 음악 музыка",
    )
});

/// Sound descriptions in Chinese and Japanese.
static SOUNDS_HAN: WordSet = LazyLock::new(|| {
    word_set(
        "笑 大笑 微笑 苦笑 笑声 笑聲 众人笑 观众笑 笑い 笑い声 掌声 掌聲 鼓掌 拍手 欢呼 歡呼 咳嗽 咳 清嗓子 叹气 嘆氣 叹息 哭 哭泣
         抽泣 哽咽 喘息 喘气 呼吸 打喷嚏 喷嚏 打哈欠 哈欠 打嗝 鼾声 沉默 無音 静音 靜音 安静 寂静 无声 無聲 暂停 停顿 噪音 噪声
         杂音 雜音 音乐 音樂 音楽 背景音乐 背景音樂 纯音乐 轻音乐 片头曲 片尾曲 歌曲 唱歌 哼唱 口哨 尖叫 听不清 聽不清 听不清楚
         无法识别 不清楚 空白 空白音频 无语音 外语 外語 说外语 讲外语 环境音 声音",
    )
});

/// Endings of sound descriptions in Chinese and Japanese.
const SUFFIXES_HAN: [&str; 17] = [
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

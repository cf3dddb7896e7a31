//! Texts as recognisers write them. Rule: each case was written by a recogniser, or could be dictated by a person.

use super::spoken;

#[test]
fn a9_what_nobody_said_is_nothing() {
    for text in [
        "",
        " ",
        "。",
        "...",
        "…",
        "？！",
        "-",
        "、",
        "，。",
        ". . .",
        "🎼",
        "😊",
        "👏🏽",
        "❤️",
        "1️⃣",
        "ℹ️",
        "🅰️",
        "♪",
        "♪♪♪",
        "♪ (upbeat music) ♪",
        "<|nospeech|>",
        "<|zh|><|NEUTRAL|><|Speech|>",
        "<|zh|><|NEUTRAL|><|Speech|><|woitn|>。",
        "< | zh | > < | NEUTRAL | >",
        "<|en|><|BGM|>🎼",
        "<|0.00|><|2.00|>",
        "<|zh",
        "<unk>",
        "<unk> <unk>.",
        "</s>",
        "[BLANK_AUDIO]",
        " [BLANK_AUDIO] ",
        "[ Silence ]",
        "[BLANK",
        "(music)",
        "[Music]",
        "[MUSIC PLAYING]",
        "[Música]",
        "(speaking in foreign language)",
        "(birds chirping)",
        "(engine revving)",
        "*sighs*",
        "*clears throat*",
        "* *",
        "[silence]",
        "[no audio]",
        "[NOISE]",
        "{laughter}",
        "【音乐】",
        "【掌声】",
        "（笑声）",
        "（笑）",
        "[掌声]",
        "（轻快的背景音乐）",
        "（鸟鸣）",
        "(音乐）",
        "((music))",
        "[(music)]",
        "[Music] [Applause]",
        "[Music]。",
        "(  )",
        "[00:00:00.000 --> 00:00:02.000]",
        "[00:00:00.000 --> 00:00:02.000]  [BLANK_AUDIO]",
        ">> [Music]",
        "🎵 music 🎵",
        "♪ upbeat music ♪",
        "♫ 音乐 ♫",
        "[SPEAKER_00]",
        "[Speaker 1] [Music]",
        "\u{feff}",
        "\u{200b}",
        "\u{fffd}\u{fffd}",
        "（字幕制作）",
        "[speaks Chinese]",
        "(拍手)",
        "[웃음]",
        "«…»",
        "“”",
    ] {
        assert_eq!(spoken(text), "", "{text:?}");
    }
}

#[test]
fn a9_what_a_person_said_stays() {
    for (text, expected) in [
        ("<|zh|><|NEUTRAL|><|Speech|>今天天气怎么样", "今天天气怎么样"),
        ("< | zh | > < | NEUTRAL | > 今天", "今天"),
        ("<|zh|>今天<|en|>hello", "今天hello"),
        ("🎼今天天气怎么样😊", "今天天气怎么样"),
        ("♪ I love you ♪", "I love you"),
        ("🎵 play me this lovely song 🎵", "play me this lovely song"),
        ("[SPEAKER_00]: 你好", "你好"),
        ("🎼播放音乐", "播放音乐"),
        ("🎼Play some music.", "Play some music."),
        ("♪ stop the music ♪", "stop the music"),
        ("[Music] 今天天气怎么样", "今天天气怎么样"),
        ("[Music], and now the news", "and now the news"),
        ("今天[掌声]开会", "今天开会"),
        ("大家好（笑声）今天开会", "大家好今天开会"),
        ("Okay (laughs) let us go.", "Okay let us go."),
        ("你好。（音乐）再见。", "你好。再见。"),
        ("今天<unk>天气", "今天天气"),
        ("*sighs* fine", "fine"),
        ("**好的**", "好的"),
        ("[00:00:00.000 --> 00:00:02.000]   hello there", "hello there"),
        (">> hello", "hello"),
        ("你好 [BLANK", "你好"),
        ("你好<|Sp", "你好"),
    ] {
        assert_eq!(spoken(text), expected, "{text:?}");
    }
    for text in [
        "附录（一）",
        "（一）",
        "(2)",
        "附录（一）和（二）",
        "我的爱好（音乐）",
        "打开音乐（周杰伦）",
        "播放【晴天】",
        "《三体》",
        "音乐",
        "silence",
        "Music, please.",
        "a < b and b > c",
        "a < b",
        "call main() now",
        "array[i] plus one",
        "2*3*4",
        "3 * 4 = 12",
        "my hobby (music) is expensive",
        "看（第一章）",
        "嗯",
        "好。",
        "¿Qué hora es?",
        "“你好”",
        "「ありがとう」",
        "100%",
        "5",
        "(今天开会，明天发布)然后回家",
        "x",
    ] {
        assert_eq!(spoken(text), text, "{text:?}");
    }
}

#[test]
fn a9_any_text_takes_linear_time_and_gains_nothing() {
    let mut random = fastrand::Rng::with_seed(9);
    let signs: Vec<char> = "([{<*【（>*)]}】）|音乐 music 声今天a。♪😊\u{fe0f}".chars().collect();
    for _ in 0..5000 {
        let text: String = (0..random.usize(..40)).map(|_| signs[random.usize(..signs.len())]).collect();
        let once = spoken(&text);
        assert!(once.chars().count() <= text.chars().count(), "{text:?}: {once:?}");
    }
    for sign in ["(", "[", "<", "<|", "*", "* ", "()", "[]", "<>", "(a)", "[[", "{[(<*", "<| "] {
        let began = std::time::Instant::now();
        let _ = spoken(&sign.repeat(8 * 1024));
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{sign}: {:?}", began.elapsed());
    }
}

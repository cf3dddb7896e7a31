//! Where answers are split. Rule: typical answers as examples, arbitrary text as properties.

use proptest::prelude::*;

use super::{Cutter, Piece};

fn cut(text: &str) -> Vec<String> {
    pieces([text]).into_iter().map(|piece| piece.text).collect()
}

fn pieces<'a>(chunks: impl IntoIterator<Item = &'a str>) -> Vec<Piece> {
    let mut cutter = Cutter::default();
    let mut all: Vec<Piece> = chunks.into_iter().flat_map(|chunk| cutter.push(chunk)).collect();
    all.extend(cutter.finish());
    all
}

#[test]
fn the_first_sentence_comes_at_once_and_later_ones_are_larger() {
    let mut cutter = Cutter::default();
    assert_eq!(cutter.push("好的。").len(), 1, "a Chinese full stop waits for nothing");
    let text = "好的。今天晴。最高三十度，最低二十度，适合出门散步和骑车。明天有雨。";
    assert_eq!(cut(text), ["好的。", "今天晴。最高三十度，最低二十度，适合出门散步和骑车。", "明天有雨。"]);
    let text = "Sure. It is sunny today. The high is thirty degrees and the low is twenty. Take a hat.";
    let expected =
        ["Sure. ", "It is sunny today. ", "The high is thirty degrees and the low is twenty. ", "Take a hat."];
    assert_eq!(cut(text), expected);
}

#[test]
fn a_long_first_sentence_is_cut_at_a_comma() {
    let text = "从现在的天气预报来看的话呢，明天上午应该会下雨，下午会慢慢地转晴。";
    assert_eq!(cut(text)[0], "从现在的天气预报来看的话呢，");
    let text = "Well, if you look at the forecast for the whole week, it should rain.";
    assert_eq!(cut(text)[0], "Well, if you look at the forecast for the whole week, ");
}

#[test]
fn what_only_looks_like_an_end_is_none() {
    for whole in [
        "Pi is 3.14159, e 2.71828 and 1,000 is a number.",
        "Dr. Smith met Mr. J. Doe at 5 p.m. in St. Louis e.g. for tea.",
        "Look at https://example.com/a.b?c=d!e and at www.example.org now.",
        "Wait... I think it is here.",
        "Version 1.2.3 of main.rs runs at 10:30.",
        "J.K. Rowling and J.R.R. Tolkien wrote for W.H. Auden.",
        "步骤：1. 洗米",
        "圆周率是3.14159左右",
        "等等……我想想看",
    ] {
        assert_eq!(cut(whole), [whole]);
    }
}

#[test]
fn marks_of_other_scripts_end_sentences() {
    for (text, first) in [
        ("كيف حالك؟ أنا بخير.", "كيف حالك؟"),
        ("آپ کیسے ہیں۔ میں ٹھیک ہوں۔", "آپ کیسے ہیں۔"),
        ("नमस्ते। आप कैसे हैं?", "नमस्ते।"),
        ("こんにちは｡元気ですか｡", "こんにちは｡"),
        ("ሰላም። እንዴት ነህ፧", "ሰላም።"),
        ("मे तयार आहे॥ हो।", "मे तयार आहे॥"),
        ("본다. 그리고 간다.", "본다. "),
    ] {
        assert_eq!(cut(text)[0], first, "{text}");
    }
    assert_eq!(cut("好的。1. 洗米。2. 煮饭。")[..2], ["好的。", "1. 洗米。2. 煮饭。"]);
}

#[test]
fn quotes_belong_to_their_sentence() {
    assert_eq!(cut("他说：“走吧！”然后他就出门去了很远的地方。")[0], "他说：“走吧！”");
    assert_eq!(cut("He said \"go.\" Then he left for good.")[0], "He said \"go.\" ");
    assert_eq!(cut("真的吗?是的。")[0], "真的吗?");
}

#[test]
fn items_of_a_list_are_pieces_with_their_numbers() {
    let expected = ["Here:\n", "1. Wash the rice.\n", "2. Cook it for 20.5 minutes.\n", "- Eat."];
    assert_eq!(cut(&expected.concat()), expected);
}

#[test]
fn code_is_apart() {
    let text = "Like this:\n```rust\nfn main() {}\n// Done. Yes.\n```\nThat is all.";
    let found: Vec<(String, bool)> = pieces([text]).into_iter().map(|piece| (piece.text, piece.code)).collect();
    let prose: Vec<&str> = found.iter().filter(|(_, code)| !code).map(|(text, _)| text.as_str()).collect();
    assert_eq!(prose, ["Like this:\n", "That is all."]);
    assert_eq!(found.iter().filter(|(_, code)| *code).count(), 4);
    let open: Vec<bool> = pieces(["See\n```\nx"]).into_iter().map(|piece| piece.code).collect();
    assert_eq!(open, [false, true, true]);
}

#[test]
fn a_piece_has_an_end_even_where_the_text_has_none() {
    for text in ["x".repeat(5000), "字".repeat(5000), "word ".repeat(2000), "\n".repeat(3000), "(".repeat(3000)] {
        let pieces = cut(&text);
        assert!(pieces.iter().all(|piece| piece.chars().count() <= 400), "{}", pieces.len());
        assert_eq!(pieces.concat(), text);
    }
}

fn answer() -> impl Strategy<Value = String> {
    let words = [
        "你好",
        "。",
        "！",
        "，",
        "“",
        "”",
        "……",
        "Hello",
        " ",
        ". ",
        ".",
        "!",
        "? ",
        ", ",
        "3.14",
        "1. ",
        "\n",
        "```",
        "~~~\n",
        "`x`",
        "**bold**",
        "https://a.b/c?d ",
        "Dr. ",
        "😀",
        "- ",
        "（",
        "）",
        "\"",
        "e.g.",
        "字字字字字字字",
    ];
    prop::collection::vec(
        prop_oneof![9 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"],
        0..60,
    )
    .prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_split_changes_the_pieces_and_nothing_is_lost(text in answer(), splits in prop::collection::vec(0_usize..400, 0..12)) {
        let whole = pieces([text.as_str()]);
        let found: String = whole.iter().map(|piece| piece.text.as_str()).collect();
        prop_assert_eq!(&found, &text);
        let mut splits: Vec<usize> = splits.into_iter().filter(|&at| text.is_char_boundary(at)).collect();
        splits.push(0);
        splits.push(text.len());
        splits.sort_unstable();
        let chunks = splits.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(&pieces(chunks), &whole);
        let letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
        prop_assert_eq!(&pieces(letters), &whole);
    }
}

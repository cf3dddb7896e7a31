//! What is spoken of texts that models write. Rule: each kind of text that is not spoken has its cases, next to similar
//! text that is.

use super::speakable;

fn expect_spoken(cases: &[(&str, &str)]) {
    for (written, expected) in cases {
        assert_eq!(speakable(written).as_deref().unwrap_or(""), *expected, "{written}");
    }
}

#[test]
fn l7_markdown_becomes_words() {
    expect_spoken(&[
        ("**Hello**, *world*!", "Hello, world!"),
        ("## 标题\n", "标题"),
        ("- `cargo` is a *tool*\n", "cargo is a tool"),
        ("1. Wash the rice.\n", "1. Wash the rice."),
        ("> quoted", "quoted"),
        ("- [x] done\n- [ ] open", "done open"),
        ("See [the book](https://example.com/book.html), please.", "See the book, please."),
        ("[维基百科](https://zh.wikipedia.org/wiki/北京_(城市) \"北京\")说", "维基百科说"),
        ("![a cat](cat.png) sleeps", "a cat sleeps"),
        ("Look at https://example.com/a/b?c=d.", "Look at example.com."),
        ("详情见https://example.com/a，谢谢", "详情见example.com，谢谢"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "a, b 1, 2"),
        ("snake_case and 2 * 3 and 4*5", "snake_case and 2 * 3 and 4*5"),
        ("很高兴见到你😊！👩‍👩‍👧", "很高兴见到你！"),
        ("”然后他走了。", "然后他走了。"),
        ("~~no~~ yes", "no yes"),
        ("```python\nprint(1)\n```", "print(1)"),
    ]);
}

#[test]
fn l7_thoughts_and_calls_are_not_said() {
    expect_spoken(&[
        ("<think>hm, what</think>Hello.", "Hello."),
        ("</think>Hello.", "Hello."),
        ("好的<tool_call>{\"name\":\"x\"}</tool_call>。", "好的。"),
        ("<|im_end|>Hello.", "Hello."),
        ("<!-- secret -->Hello.", "Hello."),
    ]);
}

#[test]
fn l7_tags_and_entities_are_not_said() {
    expect_spoken(&[
        ("第一行<br>第二行<br/>第三行", "第一行 第二行 第三行"),
        ("a<b>bold</b> word", "abold word"),
        ("<p class=\"x\">Text</p>", "Text"),
        ("<speak>Hi <break time=\"1s\"/>there</speak>", "Hi there"),
        ("Tom &amp; Jerry &lt;3 it&#39;s&nbsp;fun &#x4f60;", "Tom & Jerry <3 it's fun 你"),
        ("if a < b and c > d then", "if a < b and c > d then"),
        ("use `Vec<String>` or Vec<String>", "use Vec<String> or Vec<String>"),
        ("R&D and AT&T", "R&D and AT&T"),
    ]);
}

#[test]
fn l7_citations_are_not_said() {
    expect_spoken(&[
        ("Paris is the capital[1].", "Paris is the capital."),
        ("It rains [1, 2][3-5].", "It rains."),
        ("据报道【3†来源】，明天下雨。", "据报道，明天下雨。"),
        ("见【4:1†source.pdf】。", "见。"),
        ("So it is[^2] [citation needed].", "So it is."),
        ("As said [[1]](https://a.example) before", "As said before"),
        ("[^1]: https://a.example/b\nText", "Text"),
        ("on Monday [Monday] and (Tuesday) （周三）【周四】", "on Monday [Monday] and (Tuesday) （周三）【周四】"),
        ("write `a[1]` here", "write a[1] here"),
    ]);
}

#[test]
fn l7_formulas_are_read() {
    expect_spoken(&[
        ("The area is \\(\\pi r^2\\).", "The area is pi r^2."),
        ("结果是$$\\frac{1}{2}$$。", "结果是1/2。"),
        ("so $x^2 + 1 = 5$ holds", "so x^2 + 1 = 5 holds"),
        ("\\[ a \\times b \\leq c \\]", "a ×b ≤c"),
        ("\\boxed{42}", "42"),
        ("It costs $5 or $10.", "It costs $5 or $10."),
        ("温度是$25^{\\circ}$C", "温度是25^°C"),
    ]);
}

#[test]
fn l7_stage_directions_are_not_said() {
    expect_spoken(&[
        ("*smiles* Hello there.", "Hello there."),
        ("(laughs softly) Good one!", "Good one!"),
        ("[sighs] All right.", "All right."),
        ("（微笑）你好。", "你好。"),
        ("（轻声地说）晚安", "晚安"),
        ("【叹了口气】好吧", "好吧"),
        ("*轻轻地叹了口气* 好吧", "好吧"),
        ("（语气温柔）别担心。", "别担心。"),
        ("会议在（周三）下午（三点）。", "会议在（周三）下午（三点）。"),
        ("I *really* mean it (see below).", "I really mean it (see below)."),
        ("the smile (which I like) stays", "the smile (which I like) stays"),
        ("微笑是最好的语言（法国谚语）", "微笑是最好的语言（法国谚语）"),
    ]);
}

#[test]
fn l7_what_has_no_word_is_not_said() {
    for silent in ["😀😀", "---\n", "|---|---|", "！！", " \n\n", "***", "……", "<br>", "[1]", "*smiles*", "$$", "`"]
    {
        assert_eq!(speakable(silent), None, "{silent}");
    }
}

#[test]
fn whatever_comes_is_read_in_bounded_time() {
    for hostile in
        ["<".repeat(20_000), "[".repeat(20_000), "*(".repeat(20_000), "$\\frac{".repeat(5000), "`".repeat(20_001)]
    {
        let _ = speakable(&hostile);
    }
}

//! Tests of the notations around answers, and of the text that remains.

use modehost_contract::effect::Tool;
use proptest::prelude::*;

use super::*;

fn tool_list() -> Arc<ToolList> {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: String::new(),
        parameters: "{\"type\":\"object\"}".to_owned(),
    };
    Arc::new(ToolList::new(&[tool("light"), tool("sound")]))
}

/// Options of a scan.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    tools: bool,
    withhold: bool,
    truncated: bool,
}

/// Result of a scan.
#[derive(Debug, Default, PartialEq)]
struct Output {
    text: String,
    calls: Vec<(String, String)>,
    has_reasoning: bool,
    unopened_reasoning: bool,
}

fn read<'a>(options: Options, pieces: impl IntoIterator<Item = &'a str>) -> Output {
    let mut scanner = Scanner::new(options.tools.then(tool_list), options.withhold);
    let (mut text, mut calls) = (String::new(), Vec::new());
    let mut take = |scanned: Scanned| {
        if scanned.restart {
            (text, calls) = (String::new(), Vec::new());
        }
        text.push_str(&scanned.text);
        calls.extend(scanned.calls.into_iter().map(|call| (call.name, call.arguments)));
    };
    for piece in pieces {
        let mut out = Scanned::default();
        scanner.push(piece, &mut out);
        assert!(scanner.pending.len() <= marks::MARK_BYTES, "{} bytes are held", scanner.pending.len());
        take(out);
    }
    let mut out = Scanned::default();
    scanner.finish(options.truncated, &mut out);
    take(out);
    let (has_reasoning, unopened_reasoning) = (scanner.has_reasoning(), scanner.has_unopened_reasoning());
    Output { text, calls, has_reasoning, unopened_reasoning }
}

/// The remaining text, with and without tools, scanned at once and character by character.
fn remaining(text: &str) -> String {
    let all_options = [false, true].map(|tools| Options { tools, ..Options::default() });
    let whole = all_options.map(|options| read(options, [text]));
    for (options, whole) in all_options.into_iter().zip(&whole) {
        let letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
        assert_eq!(&read(options, letters), whole, "{text}");
    }
    let [without, with] = whole;
    assert_eq!(without.text, with.text, "{text}");
    with.text
}

#[test]
fn what_a_person_would_say_stays() {
    for text in [
        "",
        " a",
        "Hello.",
        "a < b and b > c, a <= b, x<y>z",
        "In HTML, <b>bold</b> makes it bold, <br/> breaks, <p class=\"x\">.",
        "Die Funktion `<think>` öffnet, `</think>` schließt.",
        "The tag \"<think>\" opens a thought, “</think>” ends it.",
        "它用「<think>」开头，用「</think>」结束。",
        "Models write (<tool_call>) before a call.",
        "[Monday] we meet; [think about it], a[0] = 1; [tool]",
        "<3 you, 1 << 2, x <- y, f <| g |> h, Vec<String>, <thi",
        "A fence:\n```rust\nlet a: Vec<u8> = b\"x\";\n```\nand `code` and ``a ` b``.",
        "An ◁arrow▷ and a ◁",
        "<answer>42</answer>",
        "The <function> of this, the <invoke> of that, <action>.",
        "{\"answer\": 42} is JSON.",
        "```json\n{\"answer\": 42}\n```",
        "```\n{\"name\": \"Anna\"}\n```",
        "```jsonc\n{}\n```",
        "`` ` ``",
        "``````",
        "\u{3000}\n a",
    ] {
        assert_eq!(remaining(text), text);
    }
}

#[test]
fn thoughts_are_left_out_wherever_they_stand() {
    for (text, answer) in [
        ("<think>hm, 预算</think>\n\nHello.", "Hello."),
        ("\n <think></think>Hello.", "Hello."),
        ("<THINK>hm</Think>Hello.", "Hello."),
        ("<thinking>hm</thinking>Hello.", "Hello."),
        ("<thought>hm</thought>Hello.", "Hello."),
        ("<reasoning>hm</reasoning> Hello.", "Hello."),
        ("<reflection>hm</reflection>\nHello.", "Hello."),
        ("<scratchpad>hm</scratchpad>Hello.", "Hello."),
        ("<think time=\"2\">hm</think>Hello.", "Hello."),
        ("<think_never_used_51bce0c785ca2f68>hm</think_never_used_51bce0c785ca2f68>Hello.", "Hello."),
        ("<seed:think>hm</seed:think>Hello.", "Hello."),
        ("<思考>嗯</思考>你好。", "你好。"),
        ("◁think▷hm◁/think▷Hello.", "Hello."),
        ("[THINK]hm[/THINK]Hello.", "Hello."),
        ("<|begin_of_thought|>hm<|end_of_thought|>\n\n<|begin_of_solution|>Hello.<|end_of_solution|>", "Hello."),
        ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Hello.<|END_RESPONSE|>", "Hello."),
        ("<|think|>hm<|/think|>Hello.", "Hello."),
        ("<|inner_prefix|>hm<|inner_suffix|>Hello.", "Hello."),
        ("<|channel>thought\nhm<channel|>Hello.", "Hello."),
        (
            "<|channel|>analysis<|message|>hm <b>.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>",
            "Hello.",
        ),
        (
            "<|start|>assistant<|channel|>analysis<|message|>hm<|start|>assistant<|channel|>final<|message|>Hello.",
            "Hello.",
        ),
        ("<think>hm</think><answer>Hello.</answer>", "Hello."),
        ("🤔 <think>hm</think>Hello.", "🤔 Hello."),
        ("Sure. <think>hm</think> Hello.", "Sure. Hello."),
        ("A <think>b</think>", "A "),
        ("<think>a</think>One. <think>b</think>Two.<thought>c</thought> Three.", "One. Two.Three."),
        ("<think>a<think>b</think>c</think>d", "d"),
        ("<think>a<thinking>b</thinking>c</think>d", "d"),
        // Reasoning that mentions markers.
        ("<think>They ask for <think> tags.</think>Hello.", "Hello."),
        ("<think>I end it with `</think>` then.</think>Hello.", "Hello."),
        ("<think>unclosed `code</think>Hello.", "Hello."),
        ("<think>a < b, <b>, [x]</think>Hello.", "Hello."),
        ("\"Hello!\"<think>hm</think>", "\"Hello!\""),
        // Without an opening marker.
        ("hm, the user</think>Hello.", "Hello."),
        ("\n</think>\n\nHello.", "Hello."),
        ("hm `code</think>Hello.", "Hello."),
        ("hm</think>One.</think>Two.", "Two."),
        // Without an end.
        ("<think>for ever", ""),
        ("Sure. <think>for ever", "Sure. "),
        ("<think>hm</think>", ""),
        // Tokens without meaning.
        ("Hello.<|im_end|>", "Hello."),
        ("Hello.<|eot_id|><|end|>", "Hello."),
        ("Hello.<｜end▁of▁sentence｜>", "Hello."),
        ("<|begin_of_box|>42<|end_of_box|>", "42"),
    ] {
        assert_eq!(remaining(text), answer, "{text}");
    }
}

#[test]
fn calls_are_never_text() {
    let light = r#"{"name": "light", "arguments": {"on": true}}"#;
    let arguments = r#"{"on":true}"#;
    for (text, answer) in [
        (format!("<tool_call>\n{light}\n</tool_call>"), ""),
        (format!("<tool_call>{light}"), ""),
        (format!("Let me see.\n<tool_call>{light}</tool_call>"), "Let me see.\n"),
        (format!("<think>call?</think>\n<tool_call>{light}</tool_call>"), ""),
        (format!("<tool_call>{light}</tool_call>\nDone."), "Done."),
        (format!("<tool_calls>[{light}]</tool_calls>"), ""),
        (format!("<function_call>{light}</function_call>"), ""),
        (format!("<functioncall> {light}"), ""),
        (format!("<function=light>{arguments}</function>"), ""),
        ("<tool_call>\n<function=light>\n<parameter=on>\ntrue\n</parameter>\n</function>\n</tool_call>".into(), ""),
        ("<tool_call>light\n<arg_key>on</arg_key>\n<arg_value>true</arg_value>\n</tool_call>".into(), ""),
        ("<function_calls><invoke name=\"light\"><parameter name=\"on\">true</parameter></invoke></function_calls>".into(), ""),
        ("<minimax:tool_call><invoke name=\"light\"><parameter name=\"on\">true</parameter></invoke></minimax:tool_call>".into(), ""),
        ("<invoke name=\"light\"><parameter name=\"on\">true</parameter></invoke>".into(), ""),
        (
            "<｜DSML｜function_calls><｜DSML｜invoke name=\"light\"><｜DSML｜parameter name=\"on\" string=\"false\">true\
             </｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>"
                .into(),
            "",
        ),
        (format!("<|tool_call|>[{light}]<|/tool_call|>"), ""),
        (format!("<|tool_call|>{light}<|im_end|>"), ""),
        (format!("<|tool_call_start|>[{light}]<|tool_call_end|>Done."), "Done."),
        (format!("<|tool_call>{light}<tool_call|>Done."), "Done."),
        (format!("<|python_tag|>{light}<|eom_id|>"), ""),
        (format!("<|action_start|><|plugin|>{light}<|action_end|>"), ""),
        (format!("<|START_ACTION|>[{light}]<|END_ACTION|>"), ""),
        (
            format!(
                "<|tool_calls_section_begin|><|tool_call_begin|>functions.light:0<|tool_call_argument_begin|>{arguments}\
                 <|tool_call_end|><|tool_calls_section_end|>"
            ),
            "",
        ),
        (
            format!(
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>light\n```json\n{arguments}\n```\
                 <｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>"
            ),
            "",
        ),
        (format!("<｜tool▁call▁begin｜>light<｜tool▁sep｜>{arguments}<｜tool▁call▁end｜>"), ""),
        (format!("[TOOL_CALLS] [{light}]"), ""),
        (format!("[TOOL_CALLS]light[ARGS]{arguments}"), ""),
        (
            format!(
                "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=functions.light \
                 <|constrain|>json<|message|>{arguments}<|call|>"
            ),
            "",
        ),
        (format!("```json\n{light}\n```"), ""),
        (format!("Let me see.\n```tool_call\n{light}\n```\n"), "Let me see.\n"),
        (format!("```\n[{light}]\n```"), ""),
        (format!("```json\n{light}"), ""),
        (light.into(), ""),
        (format!("\n[{light}]"), ""),
        (format!("<think>hm</think>{light}"), ""),
    ] {
        let options = Options { tools: true, ..Options::default() };
        let whole = read(options, [text.as_str()]);
        let calls = vec![("light".to_owned(), arguments.to_owned())];
        assert_eq!((whole.text.as_str(), &whole.calls), (answer, &calls), "{text}");
        let letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
        assert_eq!(read(options, letters), whole, "{text}");
        // Without offered tools: the contents of markers are not text either.
        if !text.contains("```json\n{\"name") && !text.contains("```tool") && !text.contains("```\n[") {
            let without = read(Options::default(), [text.as_str()]);
            assert_eq!(without.calls, [], "{text}");
            if !text.trim_start().starts_with(['{', '[']) && !text.ends_with(&format!("</think>{light}")) {
                assert_eq!(without.text, answer, "{text}");
            }
        }
    }
}

#[test]
fn calls_that_cannot_be_read_are_dropped() {
    for (text, answer) in [
        ("<tool_call>light, please</tool_call>Hello.", "Hello."),
        ("Hello. <tool_call>{\"a\": 1}", "Hello. "),
        ("<tool_response>{\"name\": \"light\", \"arguments\": {}}</tool_response>Hello.", "Hello."),
        ("</tool_call>Hello.", "Hello."),
        // An unknown tool.
        ("```json\n{\"name\": \"weather\", \"arguments\": {}}\n```\nHello.", "Hello."),
        ("{\"name\": \"weather\", \"parameters\": {\"a\": 1}}", ""),
    ] {
        let found = read(Options { tools: true, ..Options::default() }, [text]);
        assert_eq!((found.text.as_str(), found.calls), (answer, Vec::new()), "{text}");
    }
}

#[test]
fn several_calls_are_told_apart_even_without_their_ends() {
    let [light, sound] = ["light", "sound"].map(|name| format!(r#"{{"name":"{name}","arguments":{{}}}}"#));
    let calls = ["light", "sound"].map(|name| (name.to_owned(), "{}".to_owned()));
    for text in [
        format!("<tool_call>{light}</tool_call>\n<tool_call>{sound}</tool_call>"),
        format!("<tool_call>{light}<tool_call>{sound}"),
        "[TOOL_CALLS]light[ARGS]{}[TOOL_CALLS]sound[ARGS]{}".to_owned(),
        format!("<|tool_call|>{light}<|tool_call|>{sound}"),
    ] {
        assert_eq!(read(Options { tools: true, ..Options::default() }, [text.as_str()]).calls, calls, "{text}");
    }
}

#[test]
fn what_is_withheld_is_given_when_it_is_no_thought() {
    let options = Options { withhold: true, ..Options::default() };
    let first = |text: &str| {
        let mut scanner = Scanner::new(None, true);
        let mut out = Scanned::default();
        scanner.push(text, &mut out);
        out.text
    };
    // Undecided, then decided.
    assert_eq!(first("Hello, the user"), "");
    assert_eq!(first("hm</think>Hello"), "Hello");
    assert_eq!(first("<think>hm</think>Hello"), "Hello");
    for (text, answer) in [
        ("Hello.", "Hello."),
        ("hm</think>Hello.", "Hello."),
        ("<think>hm</think>Hello.", "Hello."),
        ("a < b", "a < b"),
    ] {
        assert_eq!(read(options, [text]).text, answer, "{text}");
    }
    let cut_off = read(Options { truncated: true, ..options }, ["hm, the user wants"]);
    assert_eq!((cut_off.text.as_str(), cut_off.has_reasoning), ("", true));
    let long = "hm, ".repeat(limits::MODEL_WITHHELD_BYTES / 4 + 1);
    assert_eq!(read(options, [long.as_str()]).text, "");
    assert_eq!(read(options, [long.as_str(), "</think>Hello."]).text, "Hello.");
}

#[test]
fn nothing_takes_more_than_linear_time_or_bounded_memory() {
    for text in [
        "<",
        "<think>",
        "</think>",
        "<think",
        "`",
        "```",
        "```json\n",
        "{",
        "[",
        "[{",
        "<tool_call>",
        "<|",
        "<|channel|>",
        "◁",
        "<think>`</think>",
        "\"<think>\"",
        " ",
        "<tool_call>{\"a\":",
        "</",
        "<a>",
        "```\n`",
        "｜<｜",
        "<think>x</think>y ",
    ] {
        for tools in [false, true] {
            let started = std::time::Instant::now();
            let pieces = text.repeat(200_000 / text.len());
            read(Options { tools, ..Options::default() }, [pieces.as_str()]);
            assert!(started.elapsed() < std::time::Duration::from_secs(10), "{text:?} took {:?}", started.elapsed());
        }
    }
}

/// Texts full of markers, whole and torn.
fn texts() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "<think>",
        "</think>",
        "<thinking>",
        "</thought>",
        "◁think▷",
        "◁/think▷",
        "[THINK]",
        "[/THINK]",
        "<|begin_of_thought|>",
        "<|end_of_thought|>",
        "<|channel|>",
        "analysis",
        "final",
        "<|message|>",
        "<|end|>",
        "<|start|>",
        "<|channel>",
        "<channel|>",
        "<tool_call>",
        "</tool_call>",
        "<function=light>",
        "</function>",
        "[TOOL_CALLS]",
        "<|tool_call|>",
        "<tool_call|>",
        "<tool_response>",
        "{\"name\":\"light\",\"arguments\":{}}",
        "```json\n",
        "```",
        "`",
        "``",
        "\"",
        "“",
        "”",
        "(",
        ")",
        "<answer>",
        "</answer>",
        "<b>",
        "<",
        ">",
        "a",
        "预算",
        "🙂",
        " ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "<thi",
        "nk>",
        "<|im_end|>",
        "<seed:think>",
        "<foo:think>",
        "to=functions.light",
        "\u{3000}",
        "｜",
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
    ]);
    prop::collection::vec(parts, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2000)))]

    #[test]
    fn splits_make_no_difference(
        text in texts(),
        (tools, withhold, truncated) in any::<(bool, bool, bool)>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let options = Options { tools, withhold, truncated };
        let boundaries: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| boundaries[cut.index(boundaries.len())]).collect();
        ends.extend([0, text.len()]);
        ends.sort_unstable();
        let pieces = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(read(options, pieces), read(options, [text.as_str()]));
    }

    #[test]
    fn text_without_marks_stays_as_it_is(text in "[a-zA-Z预算🙂 .,!?()'\"=/{}|-]{0,60}") {
        prop_assert_eq!(read(Options::default(), [text.as_str()]).text, text);
    }

    #[test]
    fn a_thought_never_gets_through(thought in "[a-z预 ,.<>`\"(\\[{|]{0,30}", answer in "[A-Z][a-z 预.]{0,20}") {
        for (open, close) in [("<think>", "</think>"), ("◁think▷", "◁/think▷"), ("[THINK]", "[/THINK]"), ("", "</think>")] {
            let text = format!("{open}{thought} zz9{close}{answer}");
            let read = read(Options { tools: true, ..Options::default() }, [text.as_str()]);
            prop_assert_eq!(read.text, answer.as_str());
        }
    }
}

//! Responses as services give them. Rule: each is classified as text, silence, failure or malformed, and as one of
//! these only.

use super::{FaultKind, NoText, read};

fn parse(body: &str) -> Result<String, NoText> {
    read(body.as_bytes(), "application/json")
}

#[test]
fn l8_the_text_is_found_wherever_a_service_puts_it() {
    for body in [
        "你好",
        "你好\n",
        "\u{feff}你好",
        "\u{feff}{\"text\":\"你好\"}",
        "\"你好\"",
        r#""{\"text\":\"你好\"}""#,
        r#"{"text":"你好"}"#,
        r#"{"text":"你好","error":null,"code":0,"message":"ok"}"#,
        r#"{"text":["你好"]}"#,
        r#"["你好"]"#,
        r#"{"result":"你好"}"#,
        r#"{"result":{"text":"你好"}}"#,
        r#"{"code":0,"msg":"success","result":[{"key":"a","text":"你好","raw_text":"<|zh|>你好"}]}"#,
        r#"[{"key":"a","text":"你好"}]"#,
        r#"{"code":200,"data":{"text":"你好"}}"#,
        r#"{"transcription":"你好"}"#,
        r#"{"output":{"sentence":null,"text":"你好"}}"#,
        r#"{"results":{"channels":[{"alternatives":[{"transcript":"你好"},{"transcript":"您好"}]}]}}"#,
        r#"{"results":[{"alternatives":[{"transcript":"你好","confidence":0.9}]}]}"#,
        r#"{"choices":[{"message":{"role":"assistant","content":"你好"}}]}"#,
        r#"{"task":"transcribe","language":"zh","duration":1.8,"segments":[{"id":0,"text":"你"},{"id":1,"text":"好"}]}"#,
        r#"{"text":null,"segments":[{"text":"你好","no_speech_prob":0.1,"avg_logprob":-0.2}]}"#,
        r#"{"words":[{"word":"你"},{"word":"好"}]}"#,
        "{\"text\":\"你\"}\n{\"text\":\"好\"}\n",
        "1\n00:00:00,000 --> 00:00:01,500\n你好\n",
        "1\r\n00:00:00,000 --> 00:00:01,500\r\n你好\r\n\r\n",
        "WEBVTT\n\nNOTE made by a machine\n\n00:00.000 --> 00:01.500 align:start\n<v Ann>你好\n",
        "WEBVTT\nKind: captions\n\n1\n00:00:00.000 --> 00:00:01.500\n<i>你好</i>",
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"你\"}\n\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"好\"}\n\n",
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"你\"}\r\n\r\ndata: {\"type\":\"transcript.text.done\",\"text\":\"你好\",\"usage\":{}}\r\n\r\ndata: [DONE]\r\n\r\n",
        "event: transcript.text.done\ndata: {\"type\":\"transcript.text.done\",\"text\":\"你好\"}",
        "data:{\"text\":\"你\"}\ndata:{\"text\":\"好\"}\ndata:[DONE]\n",
    ] {
        assert_eq!(parse(body).as_deref(), Ok("你好"), "{body}");
    }
    assert_eq!(read(": hello\n\ndata: 你好\n\n".as_bytes(), "text/event-stream; charset=utf-8").as_deref(), Ok("你好"));
    let two = "1\n00:00:00,000 --> 00:00:01,000\nHello there,\n2\n00:00:01,000 --> 00:00:02,000\n{\\an8}Tom &amp; Ann\nof 7\n7";
    assert_eq!(parse(two).as_deref(), Ok("Hello there, Tom & Ann of 7 7"));
    let segments = r#"{"segments":[{"text":" Hello"},{"text":" there."},{"text":"Bye."}]}"#;
    assert_eq!(parse(segments).as_deref(), Ok(" Hello there. Bye."));
    for text in ["[BLANK_AUDIO]", "\"Hello,\" he said.", "data: five", "5", "{laughter}", "true", "a < b", "1\n2\n3"] {
        assert_eq!(parse(text).as_deref(), Ok(text));
    }
    assert_eq!(parse("7").as_deref(), Ok("7"));
    assert_eq!(parse(r#"{"text":7}"#).as_deref(), Ok("7"));
}

#[test]
fn l8_silence_has_many_shapes_and_is_no_failure() {
    for body in [
        "",
        " \n",
        "null",
        "\"\"",
        "[]",
        "\u{feff}",
        r#"{"text":null}"#,
        r#"{"text":""}"#,
        r#"{"result":null}"#,
        r#"{"segments":[]}"#,
        r#"{"text":"","segments":[]}"#,
        r#"{"code":0,"message":"success","data":null}"#,
        r#"{"text":"Thank you.","segments":[{"text":"Thank you.","no_speech_prob":0.93,"avg_logprob":-1.4}]}"#,
        "WEBVTT\n\n",
        "WEBVTT",
        "data: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\ndata: [DONE]\n\n",
    ] {
        assert_eq!(parse(body).as_deref(), Ok(""), "{body}");
    }
}

#[test]
fn l8_failures_under_success_are_told_for_what_they_are() {
    for (body, kind) in [
        (
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error"}}"#,
            FaultKind::Unauthorized,
        ),
        (r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#, FaultKind::Busy),
        (r#"{"error":"model is overloaded","text":""}"#, FaultKind::Busy),
        (r#"{"error":"no such model"}"#, FaultKind::Rejected),
        (r#"{"detail":"Invalid audio file"}"#, FaultKind::Rejected),
        (r#"{"detail":[{"loc":["body","file"],"msg":"field required"}]}"#, FaultKind::Rejected),
        (r#"{"code":50000,"message":"internal error","data":null}"#, FaultKind::Connection),
        (r#"{"code":"InvalidParameter","message":"bad format","request_id":"x"}"#, FaultKind::Rejected),
        (r#"{"success":false,"result":""}"#, FaultKind::Rejected),
        (r#"{"status":"error","message":"request timed out"}"#, FaultKind::TimedOut),
        ("data: {\"type\":\"error\",\"error\":{\"message\":\"too many requests\"}}\n\n", FaultKind::Busy),
        ("data: {\"error\":{\"message\":\"bad\"}}\n\n", FaultKind::Rejected),
    ] {
        assert_eq!(parse(body), Err(NoText::Failed(kind)), "{body}");
    }
}

#[test]
fn l8_what_is_no_answer_is_never_taken_for_words() {
    for body in [
        "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        "<html>\r\n<head><title>504</title></head>\r\n</html>",
        "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
        r#"{"text":"half of an ans"#,
        "{\"text\":",
        "{}",
        r#"{"id":"x","model":"y"}"#,
        r#"{"text":true}"#,
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"half",
    ] {
        assert_eq!(parse(body), Err(NoText::Malformed), "{body}");
    }
    assert_eq!(read(b"\xff\xfe{\x00", ""), Err(NoText::Malformed));
    assert_eq!(parse(&"[".repeat(100_000)).map(|text| text.len()), Ok(100_000));
    assert_eq!(parse(&format!("{{\"text\":{}", "[".repeat(100_000))), Err(NoText::Malformed));
}

#[test]
fn l8_arbitrary_answers_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(8);
    let seeds = [
        r#"{"text":"a","segments":[{"text":"b"}],"error":null}"#,
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n",
        "1\n00:00:00,000 --> 00:00:01,500\n<i>a</i> {b}\n",
    ];
    for _ in 0..20_000 {
        let mut body = seeds[random.usize(..seeds.len())].as_bytes().to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..body.len());
            body[at] = random.u8(..);
        }
        body.truncate(random.usize(..=body.len()));
        let _ = read(&body, "");
    }
}

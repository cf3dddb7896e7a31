//! The test bench of the providers: ask this, say this, hear this. Rule: the true protocols of the services are spoken, and what
//! a service answers comes back as it was, faults included.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modehost_provider::{Provider, Reply};
use modehost_tests::sound::{recording, wav, wav_length};
use modehost_tests::{Server, Settings};
use serde_json::{Value, json};

fn with(model: &Provider, ears: &Provider, voice: &Provider) -> Settings {
    Settings::new()
        .set(
            "llm.aliases.default",
            json!({ "base_url": model.base_url(), "model": "small", "retries": 0, "api_key": "sk-1234567" }),
        )
        .set("llm.purposes", json!({ "summary": "default" }))
        .set(
            "asr",
            json!({ "provider": "openai", "retries": 0, "openai": { "base_url": ears.base_url(), "model": "ears" } }),
        )
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }))
}

async fn post(server: &Server, path: &str, text: &str) -> Value {
    let response = server.admin("POST", path, &json!({ "text": text }).to_string()).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_asked_and_its_answer_and_times_come_back() {
    let (model, ears, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &ears, &voice)).await;
    let list = server.admin("GET", "/api/v1/providers", "").await.json();
    let rows: Vec<(&str, &str, &str)> = list["providers"]
        .as_array()
        .expect("providers")
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            (text("kind"), text("setting"), text("state"))
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("recogniser", "asr.openai", "well"),
            ("voice", "tts.openai", "well"),
            ("model", "llm.aliases.default", "well")
        ]
    );
    assert_eq!(list["providers"][2]["purposes"], json!(["summary", "*"]));
    assert!(!list.to_string().contains("sk-1234567"), "{list}");

    model.queue(Reply::chunks(&["Tues", "day."]));
    let answer = post(&server, "/api/v1/providers/model/default/ask", "Which day is after Monday?").await;
    assert_eq!((&answer["text"], &answer["error"]), (&json!("Tuesday."), &Value::Null));
    assert!(answer["first_ms"].as_u64() <= answer["took_ms"].as_u64(), "{answer}");
    assert_eq!(model.requests()[0].last_message(), "Which day is after Monday?");

    let spoken = post(&server, "/api/v1/providers/voice/say", "Dinner is ready.").await;
    let file = STANDARD.decode(spoken["audio"].as_str().expect("a sound")).expect("base64");
    assert_eq!(u64::from(wav_length(&file)) * 1000 / 24_000, spoken["duration_ms"].as_u64().expect("a length"));
    assert_eq!(voice.requests()[0].body["input"], "Dinner is ready.");

    ears.queue(Reply::text("How is the weather?"));
    let sound = wav(&recording("weather"), 16_000);
    let heard = server.send_file("POST", "/api/v1/providers/recogniser/hear", &[], &sound).await;
    assert_eq!((heard.status, &heard.json()["text"]), (200, &json!("How is the weather?")), "{heard:?}");
    assert_eq!(heard.json()["duration_ms"].as_u64(), Some(recording("weather").len() as u64 / 16));
    for word in ["Monday", "Tuesday", "Dinner", "weather"] {
        assert!(!server.output().contains(word), "{word} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_told_in_the_words_of_the_provider_and_nonsense_is_refused() {
    let (model, ears, voice) = (Provider::start(), Provider::start(), Provider::start());
    let server = Server::start(with(&model, &ears, &voice)).await;
    model.default_reply(Reply::status(401));
    let answer = post(&server, "/api/v1/providers/model/default/ask", "hello").await;
    assert!(answer["error"].as_str().is_some_and(|why| why.contains("401") || why.contains("key")), "{answer}");
    // One failure may be a restart of the service; five in a row are none.
    for _ in 0..4 {
        post(&server, "/api/v1/providers/model/default/ask", "hello").await;
    }
    let state = server.admin("GET", "/api/v1/providers", "").await.json();
    assert_eq!(state["providers"][2]["state"], "failing", "{state}");
    let (code, _, err) = server.run(&["provider", "ask", "default", "hello"]).await;
    assert!(code == 1 && !err.is_empty(), "{err}");
    voice.default_reply(Reply::status(500));
    let spoken = post(&server, "/api/v1/providers/voice/say", "hello").await;
    assert!(spoken["audio"].is_null() && spoken["error"].is_string(), "{spoken}");

    for (path, body, status) in [
        ("/api/v1/providers/model/none/ask", r#"{"text":"a"}"#, 404),
        ("/api/v1/providers/model/default/ask", r#"{"text":" "}"#, 400),
        ("/api/v1/providers/model/default/ask", "hello", 400),
        ("/api/v1/providers/voice/say", r#"{"text":""}"#, 400),
        ("/api/v1/providers/recogniser/hear", "noise", 400),
    ] {
        assert_eq!(server.admin("POST", path, body).await.status, status, "{path} {body}");
    }
    let long = wav(&vec![0; 31 * 16_000], 16_000);
    let refused = server.send_file("POST", "/api/v1/providers/recogniser/hear", &[], &long).await;
    assert!(refused.status == 400 && refused.body.contains("at most 30 s"), "{refused:?}");
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(server.admin("POST", "/api/v1/providers/model/default/ask", r#"{"text":"a"}"#).await.status);
    }
    assert!(statuses.contains(&429), "tries cost money: {statuses:?}");
}

#[tokio::test]
async fn what_is_not_configured_is_said() {
    let server = Server::start(Settings::new().set("tts", json!({ "provider": "none" }))).await;
    assert_eq!(server.admin("GET", "/api/v1/providers", "").await.json(), json!({ "providers": [] }));
    let refused = server.admin("POST", "/api/v1/providers/voice/say", r#"{"text":"a"}"#).await;
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (409, Some("no voice is configured; see the section `tts`"))
    );
    assert_eq!(server.send_file("POST", "/api/v1/providers/recogniser/hear", &[], b"RIFF").await.status, 409);
}

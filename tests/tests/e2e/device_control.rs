//! What an operator has a device do: call its tools, play a sound, be silent. Rule: seen from the device, as stock firmware is.

use modehost_provider::{Provider, Reply};
use modehost_tests::sound::{played, tone};
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::{Value, json};

async fn answer_next(device: &mut Device, method: &str, result: Value) -> Value {
    let message = device.expect_type("mcp").await;
    assert_eq!(message["payload"]["method"], method, "{message}");
    let payload = json!({ "jsonrpc": "2.0", "id": message["payload"]["id"], "result": result });
    device.send(json!({ "type": "mcp", "payload": payload })).await;
    message["payload"]["params"].clone()
}

/// Stock firmware with one tool.
async fn join(server: &Server) -> Device {
    let mut device = Device::connect(server, "dev-1").await;
    device.hello_with(json!({ "mcp": true })).await;
    answer_next(&mut device, "initialize", json!({ "protocolVersion": "2024-11-05" })).await;
    let schema = json!({ "type": "object", "properties": { "volume": { "type": "integer" } }, "required": ["volume"] });
    let tool =
        json!({ "name": "self.audio_speaker.set_volume", "description": "Sets it <b>loud</b>", "inputSchema": schema });
    answer_next(&mut device, "tools/list", json!({ "tools": [tool] })).await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_a_device_are_listed_and_called() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = join(&server).await;
    let list = server.admin("GET", "/api/v1/devices/dev-1/tools", "").await.json();
    assert_eq!(list["tools"][0]["name"], "self.audio_speaker.set_volume", "{list}");
    assert_eq!(list["tools"][0]["input_schema"]["required"], json!(["volume"]));
    let body = json!({ "name": "self.audio_speaker.set_volume", "arguments": { "volume": 40 } }).to_string();
    for (result, text, is_error) in [
        (json!({ "content": [{ "type": "text", "text": "true" }], "isError": false }), "true", false),
        (json!({ "content": [{ "type": "text", "text": "too loud" }], "isError": true }), "too loud", true),
    ] {
        let (answer, params) = tokio::join!(
            server.admin("POST", "/api/v1/devices/dev-1/tools/call", &body),
            answer_next(&mut device, "tools/call", result)
        );
        assert_eq!(params, json!({ "name": "self.audio_speaker.set_volume", "arguments": { "volume": 40 } }));
        assert_eq!((answer.status, answer.json()), (200, json!({ "text": text, "is_error": is_error })));
    }
    let result = json!({ "content": [{ "type": "text", "text": "done" }] });
    let arguments = ["device", "call", "dev-1", "self.audio_speaker.set_volume", "{\"volume\": 7}"];
    let (printed, params) = tokio::join!(server.run(&arguments), answer_next(&mut device, "tools/call", result));
    assert_eq!((printed.0, printed.1.trim(), &params["arguments"]), (0, "done", &json!({ "volume": 7 })));
    let (code, out, _) = server.run(&["device", "tools", "dev-1"]).await;
    assert!(code == 0 && out.contains("self.audio_speaker.set_volume  Sets it"), "{out}");

    for (path, body, status) in [
        ("/api/v1/devices/dev-1/tools/call", r#"{"name":"none"}"#, 409),
        ("/api/v1/devices/dev-1/tools/call", r#"{"name":""}"#, 400),
        ("/api/v1/devices/dev-1/tools/call", r#"{"name":"a","arguments":7}"#, 400),
        ("/api/v1/devices/nobody/tools/call", r#"{"name":"a"}"#, 409),
    ] {
        assert_eq!(server.admin("POST", path, body).await.status, status, "{path} {body}");
    }
    assert_eq!(server.admin("GET", "/api/v1/devices/nobody/tools", "").await.status, 409);
    let refused = server.admin("GET", "/api/v1/devices/nobody/tools", "").await.json();
    assert_eq!(refused["error"], "the device is not connected now");
}

#[tokio::test(flavor = "multi_thread")]
async fn things_of_older_firmware_are_tools_too() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    let methods = json!({ "TurnOn": { "description": "Turns it on", "parameters": {} } });
    let descriptor = json!([{ "name": "Lamp", "description": "A lamp", "properties": {}, "methods": methods }]);
    device.send(json!({ "type": "iot", "update": true, "descriptors": descriptor })).await;
    device.settle().await;
    let list = server.admin("GET", "/api/v1/devices/dev-1/tools", "").await.json();
    let tools = list["tools"].as_array().expect("tools");
    let turn_on = tools.iter().find_map(|tool| tool["name"].as_str().filter(|name| name.contains("TurnOn")));
    let body = json!({ "name": turn_on.unwrap_or_else(|| panic!("no method in {list}")) }).to_string();
    let called = server.admin("POST", "/api/v1/devices/dev-1/tools/call", &body).await;
    assert_eq!((called.status, &called.json()["is_error"]), (200, &json!(false)), "{called:?}");
    let command = device.expect_type("iot").await;
    assert_eq!(
        (&command["commands"][0]["name"], &command["commands"][0]["method"]),
        (&json!("Lamp"), &json!("TurnOn"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_is_played_without_any_voice_and_stops_when_told() {
    let server = Server::start(Settings::new().bundled().set("tts", json!({ "provider": "none" }))).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    let played_now = server.send_file("POST", "/api/v1/devices/dev-1/play", &[], &tone(1, 48_000)).await;
    assert_eq!((played_now.status, played_now.json()), (200, json!({ "outcome": "connected" })));
    device.expect("the end", |message| message["type"] == "tts" && message["state"] == "stop").await;
    let pcm = played(1, device.seen());
    assert!((23_000..=27_000).contains(&pcm.len()), "a second at 24 kHz: {}", pcm.len());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let hertz = crossings as f64 / (pcm.len() as f64 / 24_000.0);
    assert!((hertz - 440.0).abs() < 30.0, "{hertz} Hz");
    let states: Vec<&str> = device.seen_of_type("tts").iter().filter_map(|tts| tts["state"].as_str()).collect();
    assert_eq!(states, ["start", "stop"], "a sound has no caption");

    device.clear_seen();
    let long = tone(20, 16_000);
    assert_eq!(server.send_file("POST", "/api/v1/devices/dev-1/play", &[], &long).await.status, 200);
    while !device.seen().iter().any(|seen| matches!(seen, Seen::Binary(_))) {
        device.next_within(std::time::Duration::from_secs(20)).await.expect("a frame");
    }
    assert_eq!(server.admin("POST", "/api/v1/devices/dev-1/stop", "").await.status, 200);
    device.expect("the end", |message| message["type"] == "tts" && message["state"] == "stop").await;
    assert!(played(1, device.seen()).len() < 10 * 24_000, "it was cut");
    device.clear_seen();
    device.settle().await;
    assert!(device.seen_of_type("tts").is_empty(), "nothing follows: {:?}", device.seen());

    // Three at a time are a minute; a fourth waits for nobody.
    for status in [200, 200, 200, 409] {
        assert_eq!(server.send_file("POST", "/api/v1/devices/dev-1/play", &[], &long).await.status, status);
    }
    assert_eq!(server.admin("POST", "/api/v1/devices/dev-1/stop", "").await.status, 200);
    for (path, body, status) in [
        ("/api/v1/devices/dev-1/play", &b"noise"[..], 400),
        ("/api/v1/devices/dev-1/play", &tone(61, 8_000)[..], 400),
        ("/api/v1/devices/nobody/play", &long[..], 409),
    ] {
        assert_eq!(server.send_file("POST", path, &[], body).await.status, status, "{path}");
    }
    assert_eq!(server.admin("POST", "/api/v1/devices/nobody/stop", "").await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_an_operator_stops_is_not_said_to_its_end() {
    let (model, voice) = (Provider::start(), Provider::start());
    let grants = json!(["switch-mode", "model", "tools", "documents:conversation/"]);
    let alias = json!({ "base_url": model.base_url(), "model": "test", "retries": 0 });
    let settings = Settings::new()
        .bundled()
        .set("plugins.grants.conversation", grants)
        .set("llm.aliases.default", alias)
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }));
    let server = Server::start(settings).await;
    let sentences: Vec<String> = (1..=9).map(|number| format!("This is sentence number {number}. ")).collect();
    model.default_reply(Reply::chunks(&sentences.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    device.types("tell me").await;
    device.expect("a sentence", |message| message["state"] == "sentence_start").await;
    let (code, out, err) = server.run(&["device", "stop", "dev-1"]).await;
    assert!(code == 0 && out.contains("dev-1 is silent"), "{out}{err}");
    device.expect("the end", |message| message["type"] == "tts" && message["state"] == "stop").await;
    device.settle().await;
    let said =
        device.seen_of_type("tts").iter().map(|tts| tts["text"].as_str().unwrap_or_default()).collect::<String>();
    assert!(said.contains("number 1") && !said.contains("number 9"), "it was said to its end: {said}");
}

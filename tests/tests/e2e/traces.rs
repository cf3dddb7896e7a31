//! Traces for a collector. Rule: the collector is a socket that reads what a real one would;
//! one that hangs or is gone does not affect the server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modehost_provider::{Provider, Reply};
use modehost_tests::{Device, Server, Settings, wait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How the collector behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Accept,
    Hang,
}

/// A mock collector: stores the request heads and bodies that it receives.
struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Vec<(String, String)>>>,
    /// Aborted on drop.
    _task: JoinSet<()>,
}

impl Collector {
    async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (mut task, all) = (JoinSet::new(), received.clone());
        task.spawn(async move {
            let mut kept_alive = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if behaviour == Behaviour::Hang {
                    kept_alive.push(stream);
                    continue;
                }
                while let Some(request) = read(&mut stream).await {
                    all.lock().expect("lock").push(request);
                    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, received, _task: task }
    }

    fn received(&self) -> Vec<(String, String)> {
        self.received.lock().expect("lock").clone()
    }

    /// All spans so far, each with its attributes as a map.
    fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for (_, body) in self.received() {
            let body: Value = serde_json::from_str(&body).expect("JSON");
            for resource in body["resourceSpans"].as_array().expect("resources") {
                let scopes = resource["scopeSpans"].as_array().into_iter().flatten();
                spans.extend(scopes.flat_map(|scope| scope["spans"].as_array().cloned().unwrap_or_default()));
            }
        }
        spans
    }
}

/// Reads one request: head and body.
async fn read(stream: &mut tokio::net::TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length?];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

fn attribute<'s>(span: &'s Value, key: &str) -> &'s str {
    let all = span["attributes"].as_array().into_iter().flatten();
    all.filter(|one| one["key"] == key).find_map(|one| one["value"]["stringValue"].as_str()).unwrap_or_default()
}

fn find<'s>(spans: &'s [Value], name: &str, key: &str, value: &str) -> Option<&'s Value> {
    spans.iter().find(|span| span["name"] == name && attribute(span, key) == value)
}

async fn start(settings: &Settings, collector: SocketAddr) -> Server {
    let mut server = Server::prepare(settings);
    server.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{collector}"));
    server.set_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hush-hush");
    server.set_variable("OTEL_BSP_SCHEDULE_DELAY", "100");
    server.launch();
    server.ready().await;
    server
}

async fn turn(server: &Server) -> Device {
    let mut device = Device::connect(server, "dev-1").await;
    device.send(json!({ "type": "hello", "version": 1, "transport": "websocket" })).await;
    device.expect_type("hello").await;
    device.types("who likes purple elephants").await;
    device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
    device
}

#[tokio::test]
async fn a_turn_is_seen_as_one_trace_from_the_event_to_the_model() {
    let (provider, collector) = (Provider::start(), Collector::start(Behaviour::Accept).await);
    provider.default_reply(Reply::text("Golden giraffes do."));
    let model = json!({ "base_url": provider.base_url(), "model": "m", "api_key": "zebra-key" });
    let settings = Settings::new().bundled().set("llm.aliases.default", model).set("log.level", json!("info"));
    let mut server = start(&settings, collector.address).await;
    turn(&server).await;
    let probe = async || collector.spans();
    let wanted = |spans: &Vec<Value>| {
        spans.iter().any(|span| span["name"] == "model.question")
            && spans.iter().any(|span| span["name"] == "storage.commit")
    };
    wait::until("the spans", wait::TIMEOUT, probe, wanted).await;
    assert_eq!(server.terminate().await.code(), Some(0));

    // A graceful shutdown has flushed the rest.
    let spans = collector.spans();
    let question = spans.iter().find(|span| span["name"] == "model.question").expect("a question");
    assert_eq!((attribute(question, "alias"), attribute(question, "outcome")), ("default", "ok"), "{question}");
    let event = spans.iter().find(|span| span["spanId"] == question["parentSpanId"]).expect("the event that asked");
    assert_eq!((&event["name"], &event["traceId"]), (&json!("session.event"), &question["traceId"]));
    assert_eq!(attribute(event, "device"), "dev-1");
    let call = spans.iter().find(|span| span["name"] == "plugin.call" && span["parentSpanId"] == event["spanId"]);
    let call = call.expect("the call that asked");
    assert_eq!((attribute(call, "plugin"), attribute(call, "outcome")), ("conversation", "ok"), "{call}");
    let event = find(&spans, "session.event", "kind", "transcript").expect("what was said");
    assert!(event["parentSpanId"].as_str().is_none_or(str::is_empty), "each event is a trace of its own: {event}");
    assert!(find(&spans, "session.event", "kind", "model-done").is_some(), "and so is the answer");

    let all = collector.received();
    assert!(all.iter().all(|(head, _)| head.starts_with("POST /v1/traces ") && head.contains("hush-hush")));
    let bodies: String = all.iter().map(|(_, body)| body.as_str()).collect();
    assert!(bodies.contains("\"service.name\"") && bodies.contains("\"modehost\""));
    for phrase in ["giraffe", "elephant", "zebra", "hush"] {
        assert!(!bodies.contains(phrase), "{phrase} went to the collector");
    }
    // The log lines are the same as without a collector.
    let output = server.output();
    assert!(
        !output.contains("session.event") && !output.contains("plugin.call") && !output.contains("hush"),
        "{output}"
    );
}

#[tokio::test]
async fn a_collector_that_hangs_or_is_gone_costs_nobody_anything() {
    for hangs in [true, false] {
        let collector = Collector::start(Behaviour::Hang).await;
        let address = collector.address;
        let kept_alive = hangs.then_some(collector);
        let mut server = start(&Settings::new().bundled(), address).await;
        let mut device = turn(&server).await;
        for _ in 0..300 {
            device.send(json!({ "type": "workflow", "event": "refresh" })).await;
        }
        assert!(device.ping().await < Duration::from_secs(5));
        if !hangs {
            server.wait_output("the collector rejects traces").await;
            assert_eq!(server.output().matches("the collector rejects traces").count(), 1);
        }
        let began = Instant::now();
        assert_eq!(server.terminate().await.code(), Some(0));
        assert!(began.elapsed() < Duration::from_secs(15), "it waited for the collector: {:?}", began.elapsed());
        drop(kept_alive);
    }
}

#[tokio::test]
async fn without_a_collector_nothing_is_exported_and_a_senseless_one_is_told() {
    let mut server = Server::prepare(&Settings::new());
    server.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address with hush-hush");
    server.launch();
    server.ready().await;
    server.wait_output("traces are not exported").await;
    assert!(!server.output().contains("hush"), "{}", server.output());
    assert_eq!(server.terminate().await.code(), Some(0));
}

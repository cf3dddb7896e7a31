//! A connection against a fake session. Rule: what does not depend on a session is tested without one; timeouts are
//! tested in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use modehost_auth::AuthConfig;
use modehost_outbox::{Outbox, close, outbox};
use modehost_protocol::reply::NEUTRAL_EMOTION;
use modehost_session::Incoming;
use modehost_task::{IoTask, spawn_io};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::*;
use crate::config::{GatewayConfig, ServerConfig};
use crate::connection::socket::Upgraded;
use crate::connection::traffic::Traffic;
use crate::control::{CommandExecutor, CommandOutcome, OperatorCommand};
use crate::settings::GatewaySettings;

mod fake_session;

use fake_session::{Activity, FakeSession};

const LIMIT: usize = 64 * 1024;
const SILENCE: Duration = Duration::from_secs(95);

/// Executes commands when the test allows it.
#[derive(Default)]
struct TestCommands {
    received: AtomicUsize,
    may_end: Arc<Notify>,
    completed: Arc<AtomicUsize>,
}

impl CommandExecutor for TestCommands {
    fn execute(&self, command: OperatorCommand) -> BoxFuture<'static, Result<CommandOutcome, String>> {
        self.received.fetch_add(1, Ordering::Relaxed);
        let (may_end, completed) = (self.may_end.clone(), self.completed.clone());
        Box::pin(async move {
            may_end.notified().await;
            match command {
                OperatorCommand::UpdateConfig => Err("line 7 is wrong".to_owned()),
                OperatorCommand::Restart => {
                    let then = move || {
                        completed.fetch_add(1, Ordering::Relaxed);
                    };
                    Ok(CommandOutcome { message: "it begins".to_owned(), after_reply: Some(Box::new(then)) })
                }
            }
        })
    }
}

/// The test's side of a connection.
pub(super) struct TestConnection {
    /// Messages that the session receives; capacity 1.
    session: mpsc::Receiver<Incoming>,
    pub(super) outbox: Outbox,
    audio: Arc<AtomicUsize>,
    pub(super) activity: Arc<Activity>,
    commands: Arc<TestCommands>,
    pub(super) connection: IoTask<()>,
}

pub(super) fn test_connection(ping: Option<Duration>) -> (DuplexStream, TestConnection) {
    test_connection_behind(false, ping)
}

/// The same, optionally through a proxy.
pub(super) fn test_connection_behind(proxy: bool, ping: Option<Duration>) -> (DuplexStream, TestConnection) {
    // The pipe is small, so that it fills up like the buffers of a socket.
    let (device, server) = duplex(16 * 1024);
    let (messages, session) = mpsc::channel(1);
    let (sender, reader) = outbox();
    let audio = Arc::new(AtomicUsize::new(0));
    let activity = Arc::new(Activity::default());
    let fake_session = FakeSession { messages, audio: audio.clone(), activity: activity.clone() };
    let commands = Arc::new(TestCommands::default());
    let operator = commands.clone();
    let connection = spawn_io(async move {
        let metrics = ConnectionMetrics::new();
        let traffic = Traffic::new(&metrics);
        let mut socket =
            Socket::open(server, upgraded(proxy), PartialMessages::new(usize::MAX).account(), &traffic).await;
        let server = ServerConfig { secret: Some("hush".into()), ..ServerConfig::default() };
        let settings = GatewaySettings::new(&server, &GatewayConfig::default(), &AuthConfig::default());
        let control = CommandDispatcher::new(operator, watch::channel(Arc::new(settings)).1);
        let control = ControlSession::new(&control, [127, 0, 0, 1].into());
        run(&mut socket, fake_session, reader, control, Intervals { silence: SILENCE, ping }, &metrics).await;
    });
    (device, TestConnection { session, outbox: sender, audio, activity, commands, connection })
}

fn upgraded(through_proxy: bool) -> Upgraded<'static> {
    Upgraded { early: &[], protocol_version: None, through_proxy, max_message_bytes: LIMIT }
}

pub(super) async fn client(device: DuplexStream) -> WebSocketStream<DuplexStream> {
    WebSocketStream::from_raw_socket(device, Role::Client, None).await
}

pub(super) async fn next(client: &mut WebSocketStream<DuplexStream>) -> Message {
    let message = timeout(Duration::from_secs(300), client.next()).await.expect("in time");
    message.expect("open").expect("a message")
}

pub(super) fn text(text: &str) -> Message {
    Message::Text(text.into())
}

fn numbered(number: usize) -> String {
    format!(r#"{{"type":"thing","number":{number}}}"#)
}

#[tokio::test]
async fn c5_a_stuck_session_delays_no_pong_and_loses_no_message() {
    let (device, mut test) = test_connection(None);
    let mut client = client(device).await;
    for number in 0..20 {
        client.send(text(&numbered(number))).await.expect("sent");
    }
    client.send(text(r#"{"type":" PING "}"#)).await.expect("sent");
    client.send(Message::Ping("now".into())).await.expect("sent");
    assert_eq!(next(&mut client).await, text(PONG));
    assert_eq!(next(&mut client).await, Message::Pong("now".into()));
    test.outbox.text("from the session").expect("open");
    assert_eq!(next(&mut client).await, text("from the session"));
    for number in 0..20 {
        let message = test.session.recv().await.expect("a message");
        let expected = Incoming::from(DeviceMessage::Other { kind: "thing".into(), body: numbered(number).into() });
        assert_eq!(message, expected, "in order, each once");
    }
}

#[tokio::test]
async fn c8_beyond_what_is_held_the_device_is_left_unread_and_nothing_is_lost() {
    let (device, mut test) = test_connection(None);
    let (mut sink, _source) = client(device).await.split();
    let count = limits::PENDING_MESSAGES * 40;
    let flood = spawn_io(async move {
        for number in 0..count {
            sink.send(text(&numbered(number))).await.expect("sent");
        }
        sink
    });
    for number in 0..count {
        assert!(number > 0 || !flood.is_finished(), "the flood must not fit");
        let message = test.session.recv().await.expect("a message");
        assert_eq!(message.message, DeviceMessage::Other { kind: "thing".into(), body: numbered(number).into() });
    }
    assert!(flood.join().await.is_some());
}

#[tokio::test]
async fn c10_bad_messages_get_an_error_that_points_back_and_the_connection_lives() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    for (sent, code, part) in [
        ("hello", "INVALID_JSON", "not valid JSON"),
        (r#"{"type":"listen","id":"x1"}"#, "SCHEMA_INVALID", r#""ref":{"id":"x1","type":"listen"}"#),
        (r#"{"type":"x","a":"\u0000"}"#, "SCHEMA_INVALID", "NUL"),
        (r#"{"type":"x","a":"\ud800"}"#, "INVALID_JSON", "JSON"),
        ("[]", "SCHEMA_INVALID", "must be a JSON object"),
        (&format!("{{\"type\":\"x\",\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500)), "SCHEMA_INVALID", "too deep"),
    ] {
        client.send(text(sent)).await.expect("sent");
        let Message::Text(answer) = next(&mut client).await else { panic!("no text") };
        assert!(answer.contains(code) && answer.contains(part), "{sent:.60} got {answer}");
    }
    client.send(Message::Binary(vec![7; 100].into())).await.expect("sent");
    client.send(text(r#"{"type":"ping"}"#)).await.expect("sent");
    assert_eq!(next(&mut client).await, text(PONG));
    assert_eq!(test.audio.load(Ordering::Relaxed), 100);
}

/// A frame with a zero mask, so that its payload is unchanged.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat()
}

#[tokio::test]
async fn protocol_faults_are_closed_with_a_code_and_a_reason() {
    let too_large = [&[0x81, 0xff][..], &(LIMIT as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    let fragments =
        [vec![0x01, 0xfe, 0xff, 0xff, 0, 0, 0, 0], vec![b' '; 65535], frame(0x80, b"more than the limit")].concat();
    for (name, bytes, code) in [
        ("a frame over the limit", too_large, close::TOO_LARGE),
        ("fragments over the limit", fragments, close::TOO_LARGE),
        ("text that is not UTF-8", frame(0x81, &[0xc3, 0x28]), close::NOT_UTF8),
        ("reserved bits", frame(0xc1, b"x"), close::PROTOCOL),
        ("an unknown opcode", frame(0x83, b"x"), close::PROTOCOL),
        ("no mask", vec![0x81, 1, b'x'], close::PROTOCOL),
        ("a continuation of nothing", frame(0x80, b"x"), close::PROTOCOL),
        ("a fragmented ping", frame(0x09, b"x"), close::PROTOCOL),
    ] {
        let (mut device, test) = test_connection(None);
        device.write_all(&bytes).await.expect("written");
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(5), device.read_to_end(&mut answer));
        read.await.expect("in time").expect("read");
        assert_eq!(answer.first(), Some(&0x88), "{name}: a close frame");
        assert_eq!(answer.get(2..4), Some(&code.to_be_bytes()[..]), "{name}");
        assert!(answer.len() > 4 && answer.len() <= 127, "{name}: a reason");
        drop(device);
        assert!(test.connection.join().await.is_some(), "{name}: ended in order");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_channel_is_sent_something_and_pings_do_not_count() {
    let (device, test) = test_connection(Some(Duration::from_secs(20)));
    let mut client = client(device).await;
    let start = Instant::now();
    let mut pings = 0;
    loop {
        match next(&mut client).await {
            Message::Ping(_) => pings += 1,
            message => break assert_eq!(message, text(NEUTRAL_EMOTION)),
        }
    }
    assert!((SILENCE..SILENCE + Duration::from_secs(1)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(pings, 4);
    // A message in between restarts the interval.
    tokio::time::advance(Duration::from_secs(1)).await;
    test.outbox.text("news").expect("open");
    let mut since = Instant::now();
    loop {
        match next(&mut client).await {
            Message::Ping(_) => {}
            message if message == text("news") => since = Instant::now(),
            message => break assert_eq!(message, text(NEUTRAL_EMOTION)),
        }
    }
    assert!(since.elapsed() >= SILENCE - Duration::from_millis(50), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn c8_a_device_that_reads_nothing_is_let_go() {
    let (device, test) = test_connection(None);
    let start = Instant::now();
    for _ in 0..100 {
        test.outbox.text("x".repeat(1000)).expect("open");
    }
    assert!(test.connection.join().await.is_some());
    assert!((limits::WRITE_TIMEOUT..limits::WRITE_TIMEOUT * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert!(test.outbox.is_closed());
    drop(device);
}

#[tokio::test]
async fn a_flood_of_pings_that_reads_no_pong_is_left_unread() {
    let (device, test) = test_connection(None);
    let (mut sink, mut source) = client(device).await.split();
    let count = limits::OUTBOX_FRAMES * 20;
    let flood = spawn_io(async move {
        for _ in 0..count {
            sink.send(text(r#"{"type":"ping"}"#)).await.expect("sent");
        }
        sink
    });
    for _ in 0..count {
        assert_eq!(source.next().await.expect("open").expect("a message"), text(PONG));
    }
    assert!(flood.join().await.is_some());
    drop(test);
}

#[tokio::test]
async fn a_close_of_the_session_carries_code_and_reason_behind_all_that_was_said() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    test.outbox.text("last words").expect("open");
    test.outbox.close(close::POLICY, "为".repeat(100));
    assert_eq!(next(&mut client).await, text("last words"));
    let Message::Close(Some(CloseFrame { code, reason })) = next(&mut client).await else { panic!("no close") };
    assert_eq!((u16::from(code), reason.as_str()), (close::POLICY, "为".repeat(41).as_str()));
    assert!(client.next().await.is_none());
    assert!(test.connection.join().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_does_not_hold_the_connection() {
    let (device, test) = test_connection(None);
    let start = Instant::now();
    test.outbox.close(close::GOING_AWAY, "bye");
    assert!(test.connection.join().await.is_some());
    assert!((limits::CLOSE_HANDSHAKE..limits::CLOSE_HANDSHAKE * 2).contains(&start.elapsed()));
    drop(device);
}

#[tokio::test]
async fn a_close_of_the_device_is_answered_and_the_session_let_go() {
    let (device, mut test) = test_connection(None);
    let mut client = client(device).await;
    let frame = CloseFrame { code: 1000.into(), reason: "done".into() };
    client.send(Message::Close(Some(frame.clone()))).await.expect("sent");
    assert_eq!(next(&mut client).await, Message::Close(Some(frame)));
    assert!(test.connection.join().await.is_some());
    assert_eq!(test.session.recv().await, None);
    assert!(test.outbox.is_closed());
}

#[tokio::test]
async fn a_session_that_is_gone_closes_the_connection_and_its_own_reason_comes_first() {
    for (own, expected) in [(None, close::INTERNAL), (Some(close::RESTART), close::RESTART)] {
        let (device, mut test) = test_connection(None);
        let mut client = client(device).await;
        test.session.close();
        if let Some(code) = own {
            test.outbox.close(code, "restarting");
        }
        client.send(text(r#"{"type":"hello"}"#)).await.expect("sent");
        let Message::Close(Some(frame)) = next(&mut client).await else { panic!("no close") };
        assert_eq!(u16::from(frame.code), expected);
    }
}

#[tokio::test]
async fn c3_what_was_received_reaches_the_session_although_its_sender_is_gone() {
    for in_order in [true, false] {
        let (device, mut test) = test_connection(None);
        let mut client = client(device).await;
        for number in 0..30 {
            client.send(text(&numbered(number))).await.expect("sent");
        }
        // The pong shows that all of them have been read.
        client.send(text(r#"{"type":"ping"}"#)).await.expect("sent");
        assert_eq!(next(&mut client).await, text(PONG));
        if in_order {
            client.close(None).await.expect("closed");
        }
        drop(client);
        for number in 0..30 {
            let message = timeout(Duration::from_secs(5), test.session.recv()).await.expect("in time");
            let expected = Incoming::from(DeviceMessage::Other { kind: "thing".into(), body: numbered(number).into() });
            assert_eq!(message, Some(expected));
        }
        assert!(test.connection.join().await.is_some());
    }
}

#[tokio::test]
async fn c3_what_was_sent_before_a_reset_is_still_read() {
    let (device, mut test) = test_connection(None);
    let mut client = client(device).await;
    client.send(text(&numbered(0))).await.expect("sent");
    drop(client);
    // The first write fails; the message is read nevertheless.
    let _ = test.outbox.text("to nobody");
    let message = timeout(Duration::from_secs(5), test.session.recv()).await.expect("in time");
    let message = message.map(|incoming| incoming.message);
    assert!(matches!(message, Some(DeviceMessage::Other { .. })), "{message:?}");
    assert!(test.connection.join().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn c8_a_device_that_floods_and_reads_nothing_is_let_go() {
    let (device, test) = test_connection(None);
    let (mut sink, _source) = client(device).await.split();
    for _ in 0..100 {
        test.outbox.text("x".repeat(1000)).expect("open");
    }
    // Audio never fills a queue, so reading never pauses.
    let flood = spawn_io(async move { while sink.send(Message::Binary(vec![0; 100].into())).await.is_ok() {} });
    let start = Instant::now();
    while !test.connection.is_finished() {
        // Paused time does not advance by itself while tasks are busy.
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(start.elapsed() < limits::WRITE_TIMEOUT * 2, "still there");
    }
    drop(flood);
}

#[tokio::test]
async fn a_device_that_vanishes_ends_its_connection_quietly() {
    let (device, test) = test_connection(None);
    drop(device);
    assert!(test.connection.join().await.is_some());
}

/// Ten thousand of these are open at the same time.
#[tokio::test]
async fn an_idle_connection_is_small() {
    let (_device, server) = duplex(16);
    let (messages, _session) = mpsc::channel(1);
    let metrics = ConnectionMetrics::new();
    let traffic = Traffic::new(&metrics);
    let mut socket = Socket::open(server, upgraded(false), PartialMessages::new(usize::MAX).account(), &traffic).await;
    let fake_session = FakeSession { messages, audio: Arc::default(), activity: Arc::default() };
    let intervals = Intervals { silence: SILENCE, ping: None };
    let control = CommandDispatcher::new(Arc::new(TestCommands::default()), watch::channel(Arc::default()).1);
    let control = ControlSession::new(&control, [127, 0, 0, 1].into());
    let future = run(&mut socket, fake_session, outbox().1, control, intervals, &metrics);
    let size = std::mem::size_of_val(&future) + std::mem::size_of::<Socket<'_, DuplexStream>>();
    println!("a connection with its socket: {size} bytes");
    assert!(size < 1344, "{size}");
}

fn command(action: &str, secret: &str) -> Message {
    text(&format!(r#"{{"type":"server","action":"{action}","content":{{"secret":"{secret}"}}}}"#))
}

#[tokio::test]
async fn c12_an_order_is_answered_by_the_connection_which_goes_on_meanwhile() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    client.send(command("update_config", "hush")).await.expect("sent");
    client.send(command("restart", "hush")).await.expect("sent");
    let Message::Text(answer) = next(&mut client).await else { panic!("no text") };
    assert!(answer.contains("NOT_READY"), "one at a time: {answer}");
    client.send(text(r#"{"type":"ping"}"#)).await.expect("sent");
    assert_eq!(next(&mut client).await, text(PONG));
    test.commands.may_end.notify_one();
    let Message::Text(answer) = next(&mut client).await else { panic!("no text") };
    assert!(answer.contains(r#""status":"error""#) && answer.contains("line 7 is wrong"), "{answer}");

    client.send(command("restart", "hush")).await.expect("sent");
    test.commands.may_end.notify_one();
    let Message::Text(answer) = next(&mut client).await else { panic!("no text") };
    let expected = r#"{"content":{"action":"restart"},"message":"it begins","status":"success","type":"server"}"#;
    assert_eq!(answer.as_str(), expected);
    assert_eq!(test.commands.completed.load(Ordering::Relaxed), 1);
    assert_eq!(test.commands.received.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn c12_without_the_secret_nothing_is_carried_out_and_guesses_end() {
    let (device, test) = test_connection(None);
    let mut client = client(device).await;
    client.send(command("reboot", "hush")).await.expect("sent");
    for _ in 0..limits::SECRET_FAILURES {
        client.send(command("restart", "hus")).await.expect("sent");
    }
    client.send(command("restart", "hush")).await.expect("sent");
    let expected = std::iter::once("SCHEMA_INVALID").chain([("FORBIDDEN"); limits::SECRET_FAILURES as usize]);
    for code in expected.chain(["RATE_LIMITED"]) {
        let Message::Text(answer) = next(&mut client).await else { panic!("no text") };
        assert!(answer.contains(code) && answer.contains(r#""type":"server""#), "{code}: {answer}");
    }
    assert_eq!(test.commands.received.load(Ordering::Relaxed), 0);
}

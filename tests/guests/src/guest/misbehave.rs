//! What the fixture can be asked to do. Rule: one word, one behaviour; `n` in the message is how
//! much of it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hint::black_box;

use serde_json::{Value, json};

use super::State;
use super::answer::{count, send};
use super::exports::modehost::mode::handler::{Context, Effect, Fault};
use super::modehost::mode::effects;
use super::modehost::mode::types::Rejection;

/// Does what the message asks for.
pub(crate) fn act(wish: &str, body: &Value, context: Context, state: &mut State) -> Result<Vec<Effect>, Fault> {
    let n = body["n"].as_u64().unwrap_or(1);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let request = body["request"].as_u64().unwrap_or(1);
    Ok(vec![match wish {
        "count" => count(state),
        "echo" => send(json!({ "echo": body["text"] })),
        "trap" => panic!("traps, as it was told to"),
        "loop" => loop {
            black_box(());
        },
        "hog" => {
            let mut kept = Vec::new();
            loop {
                kept.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "deep" => send(json!({ "depth": sink(u64::MAX) })),
        "flood" => return Ok((0..n).map(|_| send(json!({}))).collect()),
        "big" => send(json!({ "filler": "x".repeat(usize::try_from(n).unwrap_or(0)) })),
        "heavy" => {
            let speech = |_| effects::Speech { text: "x".repeat(1 << 20), interrupt: false };
            return Ok((0..n).map(speech).map(Effect::Say).collect());
        }
        "fail" => return Err(Fault::Failed("fails, as it was told to".to_owned())),
        "reject" => {
            let message = "rejected, as it was told to".to_owned();
            return Err(Fault::Rejected(Rejection { code: "FIXTURE_REJECTED".to_owned(), message }));
        }
        "slow" => {
            for turn in 0..n * 1_000_000 {
                black_box(turn);
            }
            count(state)
        }
        "sleep" => {
            std::thread::sleep(std::time::Duration::from_millis(n));
            count(state)
        }
        "stderr" => {
            for line in 0..n {
                eprintln!("line {line}: {}", text("text"));
            }
            count(state)
        }
        "stdout" => {
            println!("{}", text("text"));
            count(state)
        }
        "exit" => std::process::exit(3),
        "bad-json" => Effect::Send("{\"type\":\"fixture\"".to_owned()),
        "no-type" => Effect::Send("{}".to_owned()),
        "ungranted" => Effect::AskModel(effects::ModelRequest {
            request,
            purpose: "summary".to_owned(),
            messages: Vec::new(),
            max_tokens: 1,
            json: false,
            chunks: false,
        }),
        "timer" => Effect::StartTimer(effects::Timer { id: request, delay_ms: n }),
        "stop-timer" => Effect::StopTimer(request),
        "say" => Effect::Say(effects::Speech { text: text("text"), interrupt: false }),
        "read" => Effect::ReadDocument(effects::DocumentRead { request, key: text("key") }),
        "watch" => Effect::WatchDocument(effects::DocumentRead { request, key: text("key") }),
        "write" => Effect::WriteDocument(effects::DocumentWrite {
            request,
            key: text("key"),
            expected: body["expected"].as_u64().unwrap_or(0),
            value: body["value"].as_str().map(str::to_owned),
        }),
        "append" => Effect::AppendJournal(effects::JournalAppend {
            request,
            journal: text("key"),
            entry: text("value"),
            notify: true,
        }),
        "journal" => Effect::ReadJournal(effects::JournalRead { request, journal: text("key"), after: 0, limit: 100 }),
        "broadcast" => Effect::Broadcast(effects::GroupMessage {
            group: text("group"),
            body: text("value"),
            include_self: true,
            supersedes: None,
        }),
        "deliver" => Effect::Deliver(effects::Delivery {
            request,
            devices: vec![text("device")],
            body: text("value"),
            ttl_ms: 60_000,
        }),
        "dispatch" => Effect::Dispatch(text("value")),
        "switch" => Effect::SwitchMode(body["mode"].as_str().map(str::to_owned)),
        "extension" => Effect::Extension(effects::ExtensionRequest {
            request,
            name: "fixture/nothing".to_owned(),
            payload: "{}".to_owned(),
        }),
        // Time and chance as the standard library sees them, beside those of the event.
        "world" => {
            let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let wall = wall.map_or(0, |since| since.as_millis() as u64);
            let hash = RandomState::new().hash_one(1);
            let env = std::env::vars().count() + std::env::args().count();
            let files = std::fs::read_dir("/").is_ok();
            let world = json!({ "now": context.now, "wall": wall, "hash": hash, "env": env, "files": files });
            send(world)
        }
        other => {
            let message = format!("the fixture cannot do `{other}`");
            return Err(Fault::Rejected(Rejection { code: "FIXTURE_UNKNOWN".to_owned(), message }));
        }
    }])
}

/// Recurses until the stack is full.
#[allow(unconditional_recursion, reason = "that is the point")]
fn sink(depth: u64) -> u64 {
    black_box([depth; 64])[0].wrapping_add(sink(black_box(depth - 1)))
}

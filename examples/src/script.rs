//! Commands from a file. Rule: a script states what it waits for and fails on timeout, so that a walk-through in a
//! document can be run as a test.
//!
//! In addition to typed lines there is `wait <type> [text]`: reads until a message of this type has come that contains
//! the text; `wait connected` reads until the server has said hello.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::client::{Client, Flow};
use crate::command::Command;
use crate::link::LinkEvent;

/// Runs the lines of a script in order. Stops at `/quit` or at the end.
///
/// # Errors
/// Names the line that is wrong or whose wait timed out.
pub async fn run<W: Write>(client: &mut Client<W>, text: &str, patience: Duration) -> anyhow::Result<()> {
    for (index, line) in text.lines().enumerate() {
        let step = format!("line {}: {}", index + 1, line.trim());
        if let Some(what) = line.trim().strip_prefix("wait ").filter(|_| !client.is_pasting()) {
            wait(client, what.trim(), patience).await.context(step)?;
            continue;
        }
        // A mistake in a script is an error; but a line of a pasted log may look like one.
        if !client.is_pasting() {
            let command = Command::parse(line).context(step)?;
            if command != Command::Nothing {
                client.print(&format!("> {}", line.trim()))?;
            }
        }
        if client.line(line).await? == Flow::Quit {
            return Ok(());
        }
    }
    client.run(Command::Quit).await?;
    Ok(())
}

async fn wait<W: Write>(client: &mut Client<W>, what: &str, patience: Duration) -> anyhow::Result<()> {
    let (kind, text) = what.split_once(char::is_whitespace).unwrap_or((what, ""));
    let kind = if kind == "connected" { "hello" } else { kind };
    let text = text.trim();
    let found = async {
        loop {
            if let LinkEvent::Message(message) = client.next_event().await?
                && message["type"] == kind
                && message.to_string().contains(text)
            {
                return anyhow::Ok(());
            }
        }
    };
    match tokio::time::timeout(patience, found).await {
        Ok(outcome) => outcome,
        Err(_) => bail!("nothing of the kind came within {} s", patience.as_secs()),
    }
}

//! A device at your terminal: `cargo run -p modehost-examples --bin client -- --device dev-1`.
//! Rule: typed lines are sent as a device would send them, and everything from the server is shown; when the server
//! restarts, the client reconnects by itself.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use modehost_examples::client::{Client, Flow};
use modehost_examples::command::Command;
use modehost_examples::link::Address;
use modehost_examples::script;
use modehost_examples::sound::Loudspeaker;
use tokio::sync::mpsc;

/// Talk to a modehost server from the terminal.
#[derive(Parser)]
#[command(after_help = "Two terminals with --device dev-1 and --device dev-2 share one board.")]
struct Arguments {
    /// Id of the device.
    #[arg(long, default_value = "dev-1")]
    device: String,
    /// The server's WebSocket address.
    #[arg(long, default_value = "ws://127.0.0.1:8004/supie/v1/")]
    url: String,
    /// The device's token, if the server requires one; `MODEHOST_TOKEN` hides it from `ps`.
    #[arg(long)]
    token: Option<String>,
    /// Write the received speech to this WAV file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Run the lines of this file instead of reading the terminal.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Timeout of a script's `wait`, in seconds.
    #[arg(long, default_value_t = 15)]
    patience: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let token = arguments.token.or_else(|| std::env::var("MODEHOST_TOKEN").ok());
    let address = Address { url: arguments.url, device: arguments.device, token };
    let mut client = Client::new(address, std::io::stdout(), Loudspeaker::new(arguments.out)?);
    match arguments.script {
        Some(file) => {
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            script::run(&mut client, &text, Duration::from_secs(arguments.patience)).await
        }
        None => converse(&mut client).await,
    }
}

/// Reads the terminal until `/quit` or end of input.
async fn converse<W: Write>(client: &mut Client<W>) -> anyhow::Result<()> {
    let mut lines = typed_lines();
    client.print("type /help for what you can do, /quit to go")?;
    // Input that is typed or piped in before the first attempt to connect has ended waits for it.
    let mut attempted = false;
    loop {
        tokio::select! {
            line = lines.recv(), if attempted => {
                let flow = match line {
                    Some(line) => client.line(&line).await?,
                    None => client.run(Command::Quit).await?,
                };
                if flow == Flow::Quit {
                    return Ok(());
                }
            }
            next_event = client.next_event() => {
                next_event?;
                attempted = true;
            }
        }
    }
}

/// Lines of the terminal. Reading blocks, so it is done on a separate thread, which ends with the process.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

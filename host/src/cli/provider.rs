//! `modehost provider …`: the providers of the running server, and a try of each. Rule: a provider that fails is a failed
//! command, with its own words.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::client::{ServerArguments, segment};
use super::device::tools::sound;
use crate::terminal::print_line;

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Lists the recogniser, the voice and the language models that are configured
    List(ServerArguments),
    /// Asks a language model something
    #[command(after_help = "Examples:\n  modehost provider ask default 'Which day is after Monday?'")]
    Ask {
        /// Alias of the model, as in llm.aliases
        #[arg(value_name = "ALIAS")]
        alias: String,
        /// The question
        #[arg(value_name = "TEXT")]
        text: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Has the voice say something, into a file
    #[command(after_help = "Examples:\n  modehost provider say 'Dinner is ready.' --to dinner.wav")]
    Say {
        /// The text
        #[arg(value_name = "TEXT")]
        text: String,
        /// WAV file to write [default: none is written]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Has the recogniser hear a recording of at most 30 s: WAV, MP3 or Opus in Ogg
    #[command(after_help = "Examples:\n  modehost provider hear dinner.wav")]
    Hear {
        /// The recording
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// Runs a `provider` subcommand.
pub fn run(command: ProviderCommand) -> Result<(), Failure> {
    match command {
        ProviderCommand::List(server) => list(server),
        ProviderCommand::Ask { alias, text, server } => {
            let path = format!("/api/v1/providers/model/{}/ask", segment(&alias));
            let response = server.server()?.post_json(&path, &json!({ "text": text }))?;
            report(&response, response["text"].as_str().unwrap_or_default())
        }
        ProviderCommand::Say { text, to, server } => {
            let response = server.server()?.post_json("/api/v1/providers/voice/say", &json!({ "text": text }))?;
            if let (Some(file), Some(audio)) = (&to, response["audio"].as_str()) {
                let bytes = STANDARD.decode(audio).map_err(Failure::other)?;
                std::fs::write(file, bytes)
                    .map_err(|error| Failure::Other(format!("cannot write {}: {error}", file.display())))?;
            }
            let length = response["duration_ms"].as_u64().unwrap_or_default();
            report(&response, &format!("{length} ms of sound"))
        }
        ProviderCommand::Hear { file, server } => {
            let response = server.server()?.send_file("POST", "/api/v1/providers/recogniser/hear", sound(&file)?)?;
            report(&response, response["text"].as_str().unwrap_or_default())
        }
    }
}

fn list(server: ServerArguments) -> Result<(), Failure> {
    let response = server.server()?.get("/api/v1/providers")?;
    let providers: Vec<&Value> = response["providers"].as_array().into_iter().flatten().collect();
    if providers.is_empty() {
        print_line("nothing is configured; see the sections asr, tts and llm");
    }
    for provider in providers {
        let text = |key: &str| provider[key].as_str().unwrap_or("-");
        let purposes: Vec<&str> =
            provider["purposes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        print_line(format_args!(
            "{} {}  {}  {}  {}  {}",
            text("kind"),
            text("name"),
            text("state"),
            text("model"),
            text("address"),
            purposes.join(",")
        ));
    }
    Ok(())
}

/// Prints a result and how long it took, or fails with the words of the provider.
fn report(response: &Value, result: &str) -> Result<(), Failure> {
    if let Some(error) = response["error"].as_str() {
        return Err(Failure::Other(error.to_owned()));
    }
    print_line(result);
    let took = response["took_ms"].as_u64().unwrap_or_default();
    match response["first_ms"].as_u64() {
        Some(first) => print_line(format_args!("first part after {first} ms, everything after {took} ms")),
        None => print_line(format_args!("after {took} ms")),
    }
    Ok(())
}

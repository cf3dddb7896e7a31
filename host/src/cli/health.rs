//! `modehost health`. Rule: it says what the server says, sends no token, and needs nothing beside this program, so
//! that an image has it; settings that are being edited are no fault of the server.

use super::Failure;
use super::client::{NoAnswer, Server, ServerArguments};
use crate::settings::{self, Origin};
use crate::terminal::{complain, say};

#[derive(Debug, clap::Args)]
pub struct HealthArguments {
    /// Whether it takes newcomers (/readyz), and not only whether it lives (/healthz)
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    server: ServerArguments,
}

pub const HELP: &str = "\
For containers and scripts: exit code 0 and the server's word if all is well, else 1 and its sentences. Asks the
HTTP port of the configuration, with TLS if that has it. Restart a server that is not alive; one that is not ready
still serves whoever is connected.

Examples:
  modehost health
  modehost health --ready --config /etc/modehost/modehost.yaml
  HEALTHCHECK CMD [\"modehost\", \"health\"]";

/// Asks, and fails unless all is well.
pub fn run(arguments: HealthArguments) -> Result<(), Failure> {
    let server = match arguments.server.load() {
        Ok(loaded) => Server::of(&loaded.document.server),
        // The server goes on with what was good before; whoever restarts it for this would stop it.
        Err(Failure::Configuration(why) | Failure::Lasting(_, why) | Failure::Other(why)) => {
            complain(format_args!("{why}\nmodehost: asking where the built-in settings and the environment say"));
            let source = modehost_config::Source { file: None, ..Origin::default().source() };
            let loaded = settings::load(&source).map_err(Failure::other)?;
            Server::of(&loaded.document.server)
        }
    };
    let answer = server.open(if arguments.ready { "/readyz" } else { "/healthz" });
    let answer = answer.map_err(|no_answer| match Failure::from(no_answer) {
        Failure::Configuration(why) | Failure::Lasting(_, why) | Failure::Other(why) => Failure::Other(why),
    })?;
    let text = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => {
            say(text.trim_end());
            Ok(())
        }
        503 => Err(Failure::Other(text.trim_end().replace('\n', "; "))),
        status => Err(NoAnswer::Refused(format!("answered {status}; is this a modehost server?")).into()),
    }
}

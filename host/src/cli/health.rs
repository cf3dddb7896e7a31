//! `modehost health`. Rule: it reports the server's own health endpoints, sends no token, and needs no other program,
//! so that a container image has it; a configuration file that is being edited is not a fault of the server.

use super::Failure;
use super::client::{ConfigArguments, RequestError, Server};
use crate::settings::{self, Origin};
use crate::terminal::{print_error, print_line};

#[derive(Debug, clap::Args)]
pub struct HealthArguments {
    /// Checks readiness for new devices (/readyz) and not only liveness (/healthz)
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    server: ConfigArguments,
}

pub const HELP: &str = "\
For containers and scripts: exit code 0 and the server's reply if it is healthy, else 1 and the reasons. Asks the \
HTTP port of the configuration, with TLS if that has it. Restart a server that is not alive; one that is not ready \
still serves whoever is connected.

Examples:
  modehost health
  modehost health --ready --config /etc/modehost/modehost.yaml
  HEALTHCHECK CMD [\"modehost\", \"health\"]";

/// Queries the server, and fails unless it is healthy.
pub fn run(arguments: HealthArguments) -> Result<(), Failure> {
    let server = match arguments.server.load() {
        Ok(loaded) => Server::of(&loaded.document.server),
        // The server still runs with the previous settings; failing here would make a supervisor restart it with the
        // bad ones.
        Err(Failure::Configuration(why) | Failure::Permanent(_, why) | Failure::Other(why)) => {
            print_error(format_args!("{why}\nmodehost: asking where the built-in settings and the environment say"));
            let source = modehost_config::Source { file: None, ..Origin::default().source() };
            let loaded = settings::load(&source).map_err(Failure::other)?;
            Server::of(&loaded.document.server)
        }
    };
    let response = server.get_public(if arguments.ready { "/readyz" } else { "/healthz" });
    let response = response.map_err(|error| match Failure::from(error) {
        Failure::Configuration(why) | Failure::Permanent(_, why) | Failure::Other(why) => Failure::Other(why),
    })?;
    let text = String::from_utf8_lossy(&response.body);
    match response.status {
        200 => {
            print_line(text.trim_end());
            Ok(())
        }
        503 => Err(Failure::Other(text.trim_end().replace('\n', "; "))),
        status => Err(RequestError::Failed(format!("answered {status}; is this a modehost server?")).into()),
    }
}

//! A service that a measure needs, in a process of its own, so that what it costs is not counted as the
//! server's. Rule: it ends with its input, and so with us.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use anyhow::Context;

/// A running service.
pub struct Child {
    child: std::process::Child,
    /// Its first line: its address.
    pub said: String,
}

impl Child {
    /// Starts this program with a command that serves.
    ///
    /// # Errors
    /// If it cannot be started, or says nothing.
    pub fn start(command: &[&str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot find this program")?;
        Self::begin(Command::new(own), command)
    }

    /// The same, for whom only the processor time is that nobody else wants.
    ///
    /// # Errors
    /// As `start`, and where there is no `chrt` (util-linux).
    pub fn start_idle(command: &[&str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot find this program")?;
        let mut idle = Command::new("chrt");
        idle.args(["--idle", "0"]).arg(own);
        Self::begin(idle, command)
    }

    fn begin(mut program: Command, command: &[&str]) -> anyhow::Result<Self> {
        let mut child = program
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, said: line.trim().to_owned() })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What such a command does: says its address, and lives as long as its input.
///
/// # Errors
/// If nobody listens to what it says.
pub fn serve(address: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{address}")?;
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

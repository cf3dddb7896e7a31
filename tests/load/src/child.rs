//! A service that a measurement needs, in its own process, so that its CPU time is not counted as the server's.
//! Rule: it exits when its standard input is closed, and so when the load generator exits.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use anyhow::Context;

/// A running service.
pub struct Child {
    child: std::process::Child,
    /// The first line of its output: its address.
    pub address: String,
}

impl Child {
    /// Starts this program with a command that serves.
    ///
    /// # Errors
    /// If it cannot be started, or prints nothing.
    pub fn start(command: &[&str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot find this program")?;
        Self::spawn(Command::new(own), command)
    }

    /// The same with idle scheduling, so that it only gets CPU time that nobody else wants.
    ///
    /// # Errors
    /// As `start`, and if there is no `chrt` (util-linux).
    pub fn start_idle(command: &[&str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot find this program")?;
        let mut idle = Command::new("chrt");
        idle.args(["--idle", "0"]).arg(own);
        Self::spawn(idle, command)
    }

    fn spawn(mut program: Command, command: &[&str]) -> anyhow::Result<Self> {
        let mut child = program
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The main loop of such a command: prints its address, and serves until its input ends.
///
/// # Errors
/// If its output is closed.
pub fn serve(address: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{address}")?;
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

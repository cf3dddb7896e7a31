//! Beginning again with the program on disk: same process, same arguments, same listening sockets.
//!
//! Rule: nothing is torn down before the new program has shown that it runs, and the settings that
//! they can be read; from the moment
//! the old one stops to accept until the new one does, whoever connects waits in the kernel. The
//! process id stays, so service managers, terminals and containers notice nothing.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_config::{Live, Reloaded};
use modehost_gateway::{Done, Operator, Order, Ports};
use modehost_task::run_apart;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::settings::Settings;

/// The program of this process as it was called.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// The name it was called by, and its arguments.
    call: Vec<OsString>,
}

impl Program {
    /// To be asked early, while the file on disk is still the one that runs.
    pub fn of_this_process() -> Self {
        let call: Vec<OsString> = std::env::args_os().collect();
        let runs = std::env::current_exe().unwrap_or_default();
        let path = call.first().and_then(|name| find(Path::new(name), &runs)).unwrap_or(runs);
        Self { path, call }
    }

    /// Whether the file on disk is a program that runs: half a copy or one for another machine is not.
    ///
    /// # Errors
    /// One sentence that says why not.
    pub async fn check(&self) -> Result<(), String> {
        let path = self.path.display();
        let mut command = tokio::process::Command::new(&self.path);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        match timeout(limits::PROGRAM_CHECK, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{path} does not run ({status}); the server goes on as it is")),
            Ok(Err(error)) => Err(format!("{path} cannot be executed: {error}; the server goes on as it is")),
            Err(_) => Err(format!("{path} does not answer to --version; the server goes on as it is")),
        }
    }

    /// Puts the program in the place of this one. Returns only if that fails, with one sentence.
    pub fn execute(self, ports: Option<&Ports>) -> String {
        let path = self.path.display().to_string();
        let left = match ports.map(Ports::hand_over).transpose() {
            Ok(left) => left.map(|(name, value)| (OsString::from(name), OsString::from(value))),
            Err(error) => return format!("the sockets cannot be handed over: {error}; start the server anew"),
        };
        let is_left = |name: &OsString| left.as_ref().is_some_and(|(own, _)| own == name);
        let variables: Vec<_> = std::env::vars_os().filter(|(name, _)| !is_left(name)).chain(left.clone()).collect();
        let executed = executable(&self.path, &self.call, &variables).and_then(|(path, call, variables)| {
            // Not the standard library's: that lets go of signals that wait for the next program to listen.
            nix::unistd::execve(&path, &call, &variables).map_err(io::Error::from)
        });
        let why = executed.map_or_else(|error| error.to_string(), |never| match never {});
        format!("{path} cannot be executed: {why}; start the server anew")
    }
}

/// What the system executes: a path, arguments, variables.
type Executable = (CString, Vec<CString>, Vec<CString>);

fn executable(path: &Path, call: &[OsString], variables: &[(OsString, OsString)]) -> io::Result<Executable> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let path = text(path.as_os_str().as_bytes())?;
    let call = call.iter().map(|argument| text(argument.as_bytes())).collect::<Result<_, _>>()?;
    let pair = |(name, value): &(OsString, OsString)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat());
    Ok((path, call, variables.iter().map(pair).collect::<Result<_, _>>()?))
}

/// The path that the program was called by, where it leads to what runs: a link to the version in use
/// is looked at again at the restart.
fn find(name: &Path, runs: &Path) -> Option<PathBuf> {
    let folders = match name.components().count() {
        1 => std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).collect(),
        _ => vec![name.to_owned()],
    };
    let same = |path: &PathBuf| path.canonicalize().is_ok_and(|path| path == runs);
    std::path::absolute(folders.into_iter().find(same)?).ok()
}

/// Carries out what operators order.
pub struct Orders {
    live: Arc<Live<Settings>>,
    program: Program,
    restart: Arc<Notify>,
}

impl Orders {
    pub fn new(live: Arc<Live<Settings>>, program: Program) -> Self {
        Self { live, program, restart: Arc::default() }
    }

    /// Waits until a restart is to begin.
    pub async fn restart(&self) {
        self.restart.notified().await;
    }
}

impl Operator for Orders {
    fn carry_out(&self, order: Order) -> BoxFuture<'static, Result<Done, String>> {
        match order {
            Order::UpdateConfig => {
                let live = self.live.clone();
                Box::pin(async move {
                    match run_apart("settings", move || live.refresh()).await {
                        Some(Ok(reloaded)) => Ok(Done { message: describe(&reloaded), then: None }),
                        Some(Err(problems)) => Err(format!("nothing has changed: {problems}")),
                        None => Err("nothing has changed: the server is stopping".to_owned()),
                    }
                })
            }
            Order::Restart => {
                let (program, restart, live) = (self.program.clone(), self.restart.clone(), self.live.clone());
                Box::pin(async move {
                    let ready = async {
                        readable(live).await?;
                        program.check().await
                    };
                    ready.await.inspect_err(|why| tracing::error!("no restart: {why}"))?;
                    let message = "the server restarts; all connections close with 1012 and may come back at once";
                    Ok(Done { message: message.to_owned(), then: Some(Box::new(move || restart.notify_one())) })
                })
            }
        }
    }
}

/// A program that cannot read its settings would end at once, and everybody with it.
async fn readable(live: Arc<Live<Settings>>) -> Result<(), String> {
    match run_apart("settings", move || live.reload()).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(problems)) => Err(format!("the configuration is not valid; the server goes on as it is: {problems}")),
        None => Err("the server is stopping".to_owned()),
    }
}

fn describe(reloaded: &Reloaded) -> String {
    let what = if reloaded.changed { "the new configuration holds" } else { "the configuration is what it was" };
    match reloaded.needs_restart.as_slice() {
        [] => what.to_owned(),
        settings => format!("{what}; these need a restart: {}", settings.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: impl Into<PathBuf>) -> Program {
        Program { path: path.into(), call: Vec::new() }
    }

    #[tokio::test]
    async fn c12_only_what_runs_is_begun() {
        let folder = tempfile::tempdir().expect("a folder");
        let half = folder.path().join("half");
        std::fs::write(&half, b"\x7fELF").expect("written");
        for (path, why) in [(half.clone(), "cannot be executed"), ("/bin/false".into(), "does not run")] {
            let told = program(path).check().await.expect_err("no program");
            assert!(told.contains(why) && told.ends_with("goes on as it is"), "{told}");
        }
        program("/bin/true").check().await.expect("it runs");
        assert!(program(half).execute(None).contains("cannot be executed"));
    }

    #[test]
    fn c12_a_link_to_what_runs_is_kept_as_it_was_called() {
        let folder = tempfile::tempdir().expect("a folder");
        let (version, link) = (folder.path().join("modehost-1"), folder.path().join("modehost"));
        std::fs::write(&version, b"").expect("written");
        std::os::unix::fs::symlink(&version, &link).expect("linked");
        let runs = version.canonicalize().expect("a path");
        assert_eq!(find(&link, &runs), Some(link.clone()));
        assert_eq!(find(&link, Path::new("/bin/true")), None, "something else runs");
        assert_eq!(find(Path::new("no-such-program"), &runs), None);
    }
}

//! Restart in place with the program on disk: same process, same arguments, same listening sockets.
//!
//! Rule: nothing is torn down before the new program has been run with `--version` and the settings have been read;
//! between the last accept of the old program and the first of the new one, clients wait in the kernel's backlog. The
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
use modehost_gateway::{CommandExecutor, CommandOutcome, InheritedListeners, OperatorCommand};
use modehost_task::run_on_own_thread;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::settings::Settings;

/// The program of this process as it was called.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// Its `argv`: the name it was called by, and the arguments.
    argv: Vec<OsString>,
}

impl Program {
    /// Must be called early, while the file on disk is still the running one.
    pub fn of_this_process() -> Self {
        let argv: Vec<OsString> = std::env::args_os().collect();
        let running = std::env::current_exe().unwrap_or_default();
        let path = argv.first().and_then(|name| resolve_call(Path::new(name), &running)).unwrap_or(running);
        Self { path, argv }
    }

    /// Whether the file on disk can run: a partial copy or one for another architecture cannot.
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

    /// Replaces the process image (`execve`). Returns only on failure, with one sentence.
    pub fn execute(self, ports: Option<&InheritedListeners>) -> String {
        let path = self.path.display().to_string();
        let handover = match ports.map(InheritedListeners::prepare_exec).transpose() {
            Ok(handover) => handover.map(|(name, value)| (OsString::from(name), OsString::from(value))),
            Err(error) => return format!("the sockets cannot be handed over: {error}; start the server anew"),
        };
        let is_handover = |name: &OsString| handover.as_ref().is_some_and(|(own, _)| own == name);
        let variables: Vec<_> =
            std::env::vars_os().filter(|(name, _)| !is_handover(name)).chain(handover.clone()).collect();
        let executed = executable(&self.path, &self.argv, &variables).and_then(|(path, argv, variables)| {
            // Not `CommandExt::exec` of the standard library: it resets the signal mask, so a pending signal would end
            // the process.
            nix::unistd::execve(&path, &argv, &variables).map_err(io::Error::from)
        });
        let why = executed.map_or_else(|error| error.to_string(), |never| match never {});
        format!("{path} cannot be executed: {why}; start the server again")
    }
}

/// Arguments of `execve`: path, `argv`, `envp`.
type Executable = (CString, Vec<CString>, Vec<CString>);

fn executable(path: &Path, argv: &[OsString], variables: &[(OsString, OsString)]) -> io::Result<Executable> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let path = text(path.as_os_str().as_bytes())?;
    let argv = argv.iter().map(|argument| text(argument.as_bytes())).collect::<Result<_, _>>()?;
    let pair = |(name, value): &(OsString, OsString)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat());
    Ok((path, argv, variables.iter().map(pair).collect::<Result<_, _>>()?))
}

/// The path that the program was called by, if it leads to the running file: a symbolic link to the current version is
/// resolved again at the restart.
fn resolve_call(name: &Path, running: &Path) -> Option<PathBuf> {
    let directories = match name.components().count() {
        1 => std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(name)).collect(),
        _ => vec![name.to_owned()],
    };
    let same = |path: &PathBuf| path.canonicalize().is_ok_and(|path| path == running);
    std::path::absolute(directories.into_iter().find(same)?).ok()
}

/// Executes control commands of operators.
pub struct ControlCommands {
    live: Arc<Live<Settings>>,
    program: Program,
    restart: Arc<Notify>,
}

impl ControlCommands {
    pub fn new(live: Arc<Live<Settings>>, program: Program) -> Self {
        Self { live, program, restart: Arc::default() }
    }

    /// Waits for a restart order. Cancelling loses nothing.
    pub async fn restart_requested(&self) {
        self.restart.notified().await;
    }
}

impl CommandExecutor for ControlCommands {
    fn execute(&self, order: OperatorCommand) -> BoxFuture<'static, Result<CommandOutcome, String>> {
        match order {
            OperatorCommand::UpdateConfig => {
                let live = self.live.clone();
                Box::pin(async move {
                    match run_on_own_thread("settings", move || live.refresh()).await {
                        Some(Ok(reloaded)) => Ok(CommandOutcome { message: describe(&reloaded), after_reply: None }),
                        Some(Err(diagnostics)) => Err(format!("nothing has changed: {diagnostics}")),
                        None => Err("nothing has changed: the server is stopping".to_owned()),
                    }
                })
            }
            OperatorCommand::Restart => {
                let (program, restart, live) = (self.program.clone(), self.restart.clone(), self.live.clone());
                Box::pin(async move {
                    let ready = async {
                        check_settings(live).await?;
                        program.check().await
                    };
                    ready.await.inspect_err(|why| tracing::error!("no restart: {why}"))?;
                    let message = "the server restarts; all connections close with 1012 and may come back at once";
                    Ok(CommandOutcome {
                        message: message.to_owned(),
                        after_reply: Some(Box::new(move || restart.notify_one())),
                    })
                })
            }
        }
    }
}

/// A program that cannot read its settings would exit at once and disconnect everybody.
async fn check_settings(live: Arc<Live<Settings>>) -> Result<(), String> {
    match run_on_own_thread("settings", move || live.reload()).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(diagnostics)) => {
            Err(format!("the configuration is not valid; the server goes on as it is: {diagnostics}"))
        }
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
        Program { path: path.into(), argv: Vec::new() }
    }

    #[tokio::test]
    async fn c12_only_what_runs_is_begun() {
        let directory = tempfile::tempdir().expect("a folder");
        let half = directory.path().join("half");
        std::fs::write(&half, b"\x7fELF").expect("written");
        for (path, why) in [(half.clone(), "cannot be executed"), ("/bin/false".into(), "does not run")] {
            let error = program(path).check().await.expect_err("no program");
            assert!(error.contains(why) && error.ends_with("goes on as it is"), "{error}");
        }
        program("/bin/true").check().await.expect("it runs");
        assert!(program(half).execute(None).contains("cannot be executed"));
    }

    #[test]
    fn c12_a_link_to_what_runs_is_kept_as_it_was_called() {
        let directory = tempfile::tempdir().expect("a folder");
        let (version, link) = (directory.path().join("modehost-1"), directory.path().join("modehost"));
        std::fs::write(&version, b"").expect("written");
        std::os::unix::fs::symlink(&version, &link).expect("linked");
        let running = version.canonicalize().expect("a path");
        assert_eq!(resolve_call(&link, &running), Some(link.clone()));
        assert_eq!(resolve_call(&link, Path::new("/bin/true")), None, "something else runs");
        assert_eq!(resolve_call(Path::new("no-such-program"), &running), None);
    }
}

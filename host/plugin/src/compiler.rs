//! Compiles components to machine code. Rule: a server compiles in a child process with a timeout and a memory limit,
//! since a hostile component can cost a compiler minutes and gigabytes; an error says which limit was hit.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::limits;

use crate::engine;

/// The compiler process: started with [`Self::arguments`], it reads a component from stdin and writes machine code to
/// stdout by [`compile_stdin`].
#[derive(Clone, Debug)]
pub struct CompilerProcess {
    /// Path of the executable: this program.
    pub program: PathBuf,
    /// Arguments that select the compile command; the engine's fingerprint and the memory limit in bytes are appended.
    pub arguments: Vec<String>,
    /// Timeout for one component.
    pub timeout: Duration,
    /// Address-space limit of the process.
    pub memory_bytes: u64,
}

/// Why a component was not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The component is not valid.
    Invalid(String),
    /// The timeout elapsed.
    Timeout(Duration),
    /// The limit of this many bytes was exceeded.
    OutOfMemory(u64),
    /// The compiler crashed on this component, and would again.
    Crashed(String),
    /// The compiler could not be started; a later attempt may succeed.
    Unavailable(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "{why}; build it again"),
            Self::Timeout(timeout) => write!(
                f,
                "it is not done within {} s; make its functions smaller, or raise plugins.limits.compile_s",
                timeout.as_secs()
            ),
            Self::OutOfMemory(bytes) => write!(
                f,
                "that takes more than {} MiB; make it smaller, or raise plugins.limits.compile_mib",
                bytes >> 20
            ),
            Self::Crashed(why) => write!(f, "the compiler crashed ({why})"),
            Self::Unavailable(why) => write!(f, "no compiler can be started ({why}); it is tried again"),
        }
    }
}

impl CompilerProcess {
    /// Machine code for the engine with this fingerprint. Blocks up to `self.timeout`.
    ///
    /// # Errors
    /// See [`CompileError`]; the process has exited by then.
    pub(crate) fn compile(&self, component: &[u8], fingerprint: u64) -> Result<Vec<u8>, CompileError> {
        let crashed = |error: io::Error| CompileError::Crashed(error.to_string());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(format!("{fingerprint:016x}"))
            .arg(self.memory_bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| CompileError::Unavailable(error.to_string()))?;
        let (Some(mut input), Some(output), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(CompileError::Crashed("it has no pipes".to_owned()));
        };
        let (done, output_read) = sync_channel(1);
        let (code, stderr, killed) = std::thread::scope(|scope| {
            // A write error means that the process exited early; its exit status says why.
            scope.spawn(move || drop(input.write_all(component)));
            let stderr = scope.spawn(move || read_up_to(stderr, limits::COMPILER_STDERR_BYTES));
            let code = scope.spawn(move || {
                let code = read_up_to(output, limits::COMPILED_PLUGIN_BYTES as u64);
                let _ = done.send(());
                code
            });
            let killed = output_read.recv_timeout(self.timeout) == Err(RecvTimeoutError::Timeout);
            if killed {
                let _ = child.kill();
            }
            (code.join().unwrap_or_default(), stderr.join().unwrap_or_default(), killed)
        });
        let status = wait(child).map_err(crashed)?;
        match () {
            () if killed => Err(CompileError::Timeout(self.timeout)),
            () if status.success() => Ok(code),
            () => Err(self.exit_error(status, &String::from_utf8_lossy(&stderr))),
        }
    }

    fn exit_error(&self, status: ExitStatus, stderr: &str) -> CompileError {
        let memory = stderr.contains("memory allocation") || stderr.contains("Cannot allocate memory");
        match (status.code(), status.signal()) {
            (Some(INVALID), _) => CompileError::Invalid(stderr.trim().replace('\n', " ")),
            _ if memory => CompileError::OutOfMemory(self.memory_bytes),
            (code, signal) => {
                let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
                let how = match (code, signal) {
                    (_, Some(signal)) => format!("signal {signal}"),
                    (code, None) => format!("exit code {}", code.unwrap_or_default()),
                };
                CompileError::Crashed(format!("{how}: {last}"))
            }
        }
    }
}

/// Reads up to `limit` bytes; if there are more, the writer gets a broken pipe.
fn read_up_to(from: impl Read, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.take(limit).read_to_end(&mut bytes);
    bytes
}

/// Does not block for long: the pipes are closed, so the process is exiting or was killed.
fn wait(mut child: Child) -> io::Result<ExitStatus> {
    child.wait()
}

/// Exit code of the compiler process for an invalid component; the reason is on its stderr.
const INVALID: i32 = 65;

/// Runs in the compiler process: compiles the component on stdin and writes the machine code to stdout. Returns the
/// exit code. Limits the memory of the whole process first, so it must not be called in a process that does anything
/// else.
pub fn compile_stdin(fingerprint: &str, memory_bytes: u64) -> u8 {
    match compile_within(fingerprint, memory_bytes) {
        Ok(()) => 0,
        Err(CompileError::Invalid(why)) => {
            let _ = writeln!(io::stderr(), "{why}");
            INVALID as u8
        }
        Err(other) => {
            let _ = writeln!(io::stderr(), "{other}");
            1
        }
    }
}

fn compile_within(fingerprint: &str, memory_bytes: u64) -> Result<(), CompileError> {
    use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
    let crashed = |error: &dyn fmt::Display| CompileError::Crashed(error.to_string());
    // The result is of no use once the parent has died.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| crashed(&error))?;
    let limit = |resource, max| setrlimit(resource, Rlimit { current: Some(max), maximum: Some(max) });
    limit(Resource::As, memory_bytes).map_err(|error| crashed(&error))?;
    limit(Resource::Core, 0).map_err(|error| crashed(&error))?;
    let mut component = Vec::new();
    let max = limits::PLUGIN_FILE_BYTES;
    io::stdin().take(max).read_to_end(&mut component).map_err(|error| crashed(&error))?;
    let engine = engine::compile_only().map_err(|error| crashed(&error))?;
    if format!("{:016x}", engine::fingerprint(&engine)) != fingerprint {
        return Err(CompileError::Crashed("it is of another version than the server".to_owned()));
    }
    let code = engine.precompile_component(&component).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    let mut output = io::stdout().lock();
    output.write_all(&code).and_then(|()| output.flush()).map_err(|error| crashed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_compiler_that_could_not_be_started_is_tried_again() {
        let helper = |program: &str| CompilerProcess {
            program: program.into(),
            arguments: Vec::new(),
            timeout: Duration::from_secs(30),
            memory_bytes: 1 << 30,
        };
        let is_transient = |program: &str| {
            let error = helper(program).compile(b"", 0).expect_err("no code");
            crate::load::LoadError::Compile { file: "a.wasm".to_owned(), error }.is_transient()
        };
        assert!(is_transient("/no/such/program"));
        assert!(!is_transient("/bin/false"), "one that breaks off would break off again and again");
    }
}

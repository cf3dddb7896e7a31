//! Turns components into machine code. Rule: in a server that happens in a program of its own, with bounds on time
//! and memory: a component can be made so that a compiler needs minutes and gigabytes, and nobody but its author
//! shall wait for it. A failure says which bound it was.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::limits;

use crate::engine;

/// The program that compiles: it is called with [`Self::arguments`], is given a component on its input and answers
/// with machine code, by [`compile_input`].
#[derive(Clone, Debug)]
pub struct Helper {
    /// The program that compiles: this one.
    pub program: PathBuf,
    /// What makes the program compile; the fingerprint of the engine and the bound on memory in bytes are added.
    pub arguments: Vec<String>,
    /// For one component.
    pub time: Duration,
    /// Address space of the program.
    pub memory_bytes: u64,
}

/// Why a component was not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// It is not valid.
    Invalid(String),
    /// It took too long.
    Time(Duration),
    /// It wanted more than so many bytes.
    Memory(u64),
    /// The program that compiles broke off, over this component: it would again.
    Broken(String),
    /// The system has no room for that program at the moment.
    Unavailable(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "{why}; build it again"),
            Self::Time(time) => write!(
                f,
                "it is not done within {} s; make its functions smaller, or raise plugins.limits.compile_s",
                time.as_secs()
            ),
            Self::Memory(bytes) => write!(
                f,
                "that takes more than {} MiB; make it smaller, or raise plugins.limits.compile_mib",
                bytes >> 20
            ),
            Self::Broken(why) => write!(f, "the compiler broke off ({why})"),
            Self::Unavailable(why) => write!(f, "no compiler can be started ({why}); it is tried again"),
        }
    }
}

impl Helper {
    /// Machine code for the engine with this fingerprint. Blocks up to `self.time`.
    ///
    /// # Errors
    /// See [`CompileError`]; the program has ended then.
    pub(crate) fn compile(&self, component: &[u8], fingerprint: u64) -> Result<Vec<u8>, CompileError> {
        let broken = |error: io::Error| CompileError::Broken(error.to_string());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(format!("{fingerprint:016x}"))
            .arg(self.memory_bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| CompileError::Unavailable(error.to_string()))?;
        let (Some(mut input), Some(output), Some(words)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(CompileError::Broken("it has no pipes".to_owned()));
        };
        let (done, outcome) = sync_channel(1);
        let (code, words, killed) = std::thread::scope(|scope| {
            // Where it has ended early, it says why by other means.
            scope.spawn(move || drop(input.write_all(component)));
            let words = scope.spawn(move || read(words, limits::COMPILER_WORDS));
            let code = scope.spawn(move || {
                let code = read(output, limits::COMPILED_PLUGIN_BYTES as u64);
                let _ = done.send(());
                code
            });
            let killed = outcome.recv_timeout(self.time) == Err(RecvTimeoutError::Timeout);
            if killed {
                let _ = child.kill();
            }
            (code.join().unwrap_or_default(), words.join().unwrap_or_default(), killed)
        });
        let status = wait(child).map_err(broken)?;
        match () {
            () if killed => Err(CompileError::Time(self.time)),
            () if status.success() => Ok(code),
            () => Err(self.why(status, &String::from_utf8_lossy(&words))),
        }
    }

    fn why(&self, status: ExitStatus, words: &str) -> CompileError {
        let memory = words.contains("memory allocation") || words.contains("Cannot allocate memory");
        match (status.code(), status.signal()) {
            (Some(INVALID), _) => CompileError::Invalid(words.trim().replace('\n', " ")),
            _ if memory => CompileError::Memory(self.memory_bytes),
            (code, signal) => {
                let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
                let how = match (code, signal) {
                    (_, Some(signal)) => format!("signal {signal}"),
                    (code, None) => format!("exit code {}", code.unwrap_or_default()),
                };
                CompileError::Broken(format!("{how}: {last}"))
            }
        }
    }
}

/// Reads up to a bound; what comes behind it is left to break the writer's pipe.
fn read(from: impl Read, bound: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.take(bound).read_to_end(&mut bytes);
    bytes
}

/// Its pipes are closed: it is at its end, or was killed.
fn wait(mut child: Child) -> io::Result<ExitStatus> {
    child.wait()
}

/// Exit code of the helper for a component that is not valid; the reason is on its error output.
const INVALID: i32 = 65;

/// The other side: compiles what is on the input and writes the machine code to the output. Gives the exit code.
/// Bounds the memory of the whole process first, which makes this nothing for a process that does anything else.
pub fn compile_input(fingerprint: &str, memory_bytes: u64) -> u8 {
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
    let broken = |error: &dyn fmt::Display| CompileError::Broken(error.to_string());
    // With whoever asked, the reason to compile goes.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| broken(&error))?;
    let bound = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    bound(Resource::As, memory_bytes).map_err(|error| broken(&error))?;
    bound(Resource::Core, 0).map_err(|error| broken(&error))?;
    let mut component = Vec::new();
    let most = limits::PLUGIN_FILE_BYTES;
    io::stdin().take(most).read_to_end(&mut component).map_err(|error| broken(&error))?;
    let engine = engine::for_compiling().map_err(|error| broken(&error))?;
    if format!("{:016x}", engine::fingerprint(&engine)) != fingerprint {
        return Err(CompileError::Broken("it is of another version than the server".to_owned()));
    }
    let code = engine.precompile_component(&component).map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    let mut output = io::stdout().lock();
    output.write_all(&code).and_then(|()| output.flush()).map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_compiler_that_could_not_be_started_is_tried_again() {
        let helper = |program: &str| Helper {
            program: program.into(),
            arguments: Vec::new(),
            time: Duration::from_secs(30),
            memory_bytes: 1 << 30,
        };
        let passes = |program: &str| {
            let error = helper(program).compile(b"", 0).expect_err("no code");
            crate::load::LoadError::Compile { file: "a.wasm".to_owned(), error }.passes()
        };
        assert!(passes("/no/such/program"));
        assert!(!passes("/bin/false"), "one that breaks off would break off again and again");
    }
}

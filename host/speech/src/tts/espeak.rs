//! The program espeak-ng: speech synthesis on this machine, without a service. Rule: a text is passed by standard input
//! and never as an argument, so it cannot be an option; the number of processes, their run time and their output are
//! bounded, and each process ends with its sentence.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Speaker;
use super::sound::{AudioDecoder, Format};
use crate::config::TtsConfig;
use crate::fault::{Fault, FaultKind};

/// Sample rate of its own voices, in Hz; audio of others is resampled.
const RATE: u32 = 22_050;
/// Default voices for Chinese and for all other languages.
const CHINESE: &str = "cmn";
const OTHERS: &str = "en-us";

/// The installed program.
pub(super) struct Espeak(Arc<Program>);

struct Program {
    program: String,
    voice: Option<String>,
    rate: u32,
    timeout: Duration,
    permits: Arc<Semaphore>,
}

impl Espeak {
    /// Checks whether it is installed. Blocks until the program has printed its version.
    pub(super) fn find(config: &TtsConfig) -> Option<Self> {
        let espeak = &config.espeak;
        let version = Command::new(&espeak.program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !version.is_ok_and(|status| status.success()) {
            tracing::warn!(
                "{} cannot be run, so answers are shown and not spoken; install it (apt-get install espeak-ng), \
                 configure tts.openai, or set tts.provider to none",
                espeak.program
            );
            return None;
        }
        Some(Self(Arc::new(Program {
            program: espeak.program.clone(),
            voice: espeak.voice.clone(),
            rate: espeak.rate,
            timeout: Duration::from_secs(config.timeout_s),
            permits: Arc::new(Semaphore::new(limits::ESPEAK_PROCESSES)),
        })))
    }
}

impl Program {
    /// Waits for a permit, and starts a process.
    async fn begin(&self, text: &str) -> std::io::Result<Running> {
        let permit = self.permits.clone().acquire_owned().await.ok();
        Running::begin(self.start(text)?, permit, text).await
    }

    fn start(&self, text: &str) -> std::io::Result<Child> {
        let voice = self.voice.as_deref().unwrap_or(if has_chinese(text) { CHINESE } else { OTHERS });
        tokio::process::Command::new(&self.program)
            .args(["--stdin", "--stdout", "-v", voice, "-s", &self.rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

impl Speaker for Espeak {
    fn name(&self) -> &'static str {
        "espeak"
    }

    fn sample_rate(&self) -> u32 {
        RATE
    }

    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>> {
        // espeak-ng would read line ends as pauses, and control characters as commands.
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (program, limit) = (self.0.clone(), self.0.timeout);
        let begin = async move {
            match timeout(limit, program.begin(&text)).await {
                Ok(Ok(running)) => Ok(running),
                Ok(Err(error)) => Err(Fault::transient(FaultKind::Connection, format!("espeak-ng: {error}"))),
                Err(_) => Err(timed_out()),
            }
        };
        let chunks = stream::once(begin).flat_map(move |started| match started {
            Ok(running) => stream::try_unfold(running, move |running| running.next(limit)).left_stream(),
            Err(fault) => stream::once(async { Err(fault) }).right_stream(),
        });
        chunks.boxed()
    }
}

/// A sentence that is being synthesised. Dropping it kills the process.
struct Running {
    _child: Child,
    output: ChildStdout,
    /// None once the output has ended.
    decoder: Option<AudioDecoder>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Running {
    async fn begin(mut child: Child, permit: Option<OwnedSemaphorePermit>, text: &str) -> std::io::Result<Self> {
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        // It reads all of its input before it speaks.
        input.write_all(text.as_bytes()).await?;
        input.shutdown().await?;
        drop(input);
        let decoder = Some(AudioDecoder::new("espeak-ng", "audio/wav", Format::mono(RATE)));
        Ok(Self { _child: child, output, decoder, _permit: permit })
    }

    async fn next(mut self, limit: Duration) -> Result<Option<(Vec<i16>, Self)>, Fault> {
        let mut bytes = vec![0; limits::ESPEAK_READ_BYTES];
        while let Some(decoder) = &mut self.decoder {
            let count = match timeout(limit, self.output.read(&mut bytes)).await {
                Ok(Ok(count)) => count,
                Ok(Err(error)) => {
                    return Err(Fault::transient(FaultKind::Connection, format!("espeak-ng: {error}")));
                }
                Err(_) => return Err(timed_out()),
            };
            let pcm = if count > 0 && !decoder.is_full() {
                decoder.push(&bytes[..count])?
            } else {
                // A text that cannot be pronounced has no audio, which is not a fault.
                let rest = decoder.end().unwrap_or_default();
                self.decoder = None;
                rest
            };
            if !pcm.is_empty() {
                return Ok(Some((pcm, self)));
            }
        }
        Ok(None)
    }
}

fn timed_out() -> Fault {
    Fault::transient(FaultKind::TimedOut, "espeak-ng did not speak in time")
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'))
}

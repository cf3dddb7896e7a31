//! The program espeak-ng: speech on this machine, with no service. Rule: a text goes in by standard
//! input and never as an argument, so that it is never an option; how many programs run at once, how
//! long, and how much they give is bounded, and each ends with the sentence that it was for.

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
use super::sound::{Format, Sound};
use crate::config::TtsConfig;
use crate::fault::{Fault, FaultKind};

/// Of its own voices, in Hz; others are brought to it.
const RATE: u32 = 22_050;
/// Where its voices for Chinese and for everything else are not set.
const CHINESE: &str = "cmn";
const OTHERS: &str = "en-us";

/// The program, found.
pub(super) struct Espeak(Arc<Found>);

struct Found {
    program: String,
    voice: Option<String>,
    rate: u32,
    timeout: Duration,
    turns: Arc<Semaphore>,
}

impl Espeak {
    /// Looks whether it is installed. Blocks until the program has told its version.
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
        Some(Self(Arc::new(Found {
            program: espeak.program.clone(),
            voice: espeak.voice.clone(),
            rate: espeak.rate,
            timeout: Duration::from_secs(config.timeout_s),
            turns: Arc::new(Semaphore::new(limits::ESPEAK_PROCESSES)),
        })))
    }
}

impl Found {
    /// Waits for its turn, and begins.
    async fn begin(&self, text: &str) -> std::io::Result<Running> {
        let place = self.turns.clone().acquire_owned().await.ok();
        Running::begin(self.start(text)?, place, text).await
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
        // Line ends would be pauses, and control characters commands of its own.
        let text: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        let (found, allowed) = (self.0.clone(), self.0.timeout);
        let begin = async move {
            match timeout(allowed, found.begin(&text)).await {
                Ok(Ok(running)) => Ok(running),
                Ok(Err(error)) => Err(Fault::passing(FaultKind::Connection, format!("espeak-ng: {error}"))),
                Err(_) => Err(late()),
            }
        };
        let pieces = stream::once(begin).flat_map(move |begun| match begun {
            Ok(running) => stream::try_unfold(running, move |running| running.next(allowed)).left_stream(),
            Err(fault) => stream::once(async { Err(fault) }).right_stream(),
        });
        pieces.boxed()
    }
}

/// A sentence that is being spoken. Dropping it ends the program.
struct Running {
    _child: Child,
    output: ChildStdout,
    /// None once it has ended.
    sound: Option<Sound>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Running {
    async fn begin(mut child: Child, place: Option<OwnedSemaphorePermit>, text: &str) -> std::io::Result<Self> {
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        // It reads all of it before it speaks.
        input.write_all(text.as_bytes()).await?;
        input.shutdown().await?;
        drop(input);
        let sound = Some(Sound::new("espeak-ng", "audio/wav", Format::mono(RATE)));
        Ok(Self { _child: child, output, sound, _place: place })
    }

    async fn next(mut self, allowed: Duration) -> Result<Option<(Vec<i16>, Self)>, Fault> {
        let mut bytes = vec![0; limits::SPEECH_PIECE_BYTES];
        while let Some(sound) = &mut self.sound {
            let count = match timeout(allowed, self.output.read(&mut bytes)).await {
                Ok(Ok(count)) => count,
                Ok(Err(error)) => {
                    return Err(Fault::passing(FaultKind::Connection, format!("espeak-ng: {error}")));
                }
                Err(_) => return Err(late()),
            };
            let pcm = if count > 0 && !sound.is_full() {
                sound.take(&bytes[..count])?
            } else {
                // Of what cannot be spoken there is no sound, and that is no fault.
                let rest = sound.end().unwrap_or_default();
                self.sound = None;
                rest
            };
            if !pcm.is_empty() {
                return Ok(Some((pcm, self)));
            }
        }
        Ok(None)
    }
}

fn late() -> Fault {
    Fault::passing(FaultKind::TimedOut, "espeak-ng did not speak in time")
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|one| matches!(one, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'))
}

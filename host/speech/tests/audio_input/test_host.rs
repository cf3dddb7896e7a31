//! Test host: an audio input with a scripted recogniser, and a listener that collects its reports. Rule: everything
//! else is real.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use modehost_protocol::ListenMode;
use modehost_speech::asr::{AsrResults, AudioReader, Recogniser};
use modehost_speech::config::VadConfig;
use modehost_speech::{
    AsrResult, AudioEvent, AudioInput, Fault, FaultKind, InputEvent, InputListener, InputState, Providers, Speech,
};
use modehost_task::WorkThreads;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Timeout of a test for an expected event.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn recording(name: &str) -> Vec<i16> {
    let path = format!("{}/../../tests/recordings/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let mut reader = hound::WavReader::open(&path).expect("a recording");
    reader.samples().map(|sample| sample.expect("a sample")).collect()
}

pub fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 16]
}

/// As firmware encodes it, in frames of this length.
pub fn opus(pcm: &[i16], frame_ms: usize) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(16_000, 1, Application::Voip).expect("an encoder");
    let frame = frame_ms * 16;
    let mut pcm = pcm.to_vec();
    pcm.resize(pcm.len().next_multiple_of(frame), 0);
    let encode = |block: &[i16]| {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode_s16(block, frame, &mut packet).expect("encodes");
        packet.truncate(length);
        packet
    };
    pcm.chunks_exact(frame).map(encode).collect()
}

/// Result of the recogniser for an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Its length in ms, as text.
    Length,
    /// The same, with a partial result after each chunk of audio.
    Drafts,
    /// An empty text.
    Nothing,
    /// A permanent failure at the end of the audio.
    Failure,
    /// A permanent failure after the first audio.
    Refusal,
    /// No outcome.
    Never,
    /// A sentence after the first audio, and then a permanent failure.
    Sentence,
}

/// The scripted recogniser.
pub struct Scripted {
    pub script: Mutex<Script>,
    /// Attempts that have started, and those that have ended or been dropped.
    pub started: AtomicUsize,
    pub ended: Arc<AtomicUsize>,
}

struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recogniser for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn attempt<'a>(
        &'a self,
        sound: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.started.fetch_add(1, Ordering::SeqCst);
        let ended = Ended(self.ended.clone());
        let script = *self.script.lock();
        Box::pin(async move {
            let _ended = ended;
            let mut samples = 0;
            loop {
                let chunk = sound.next(160).await;
                samples += chunk.pcm.len();
                if script == Script::Drafts {
                    results.partial(&format!("{} …", samples / 16));
                }
                if chunk.last {
                    break;
                }
                if script == Script::Refusal {
                    return Err(Fault::permanent(FaultKind::Unauthorized, "as the script says"));
                }
                if script == Script::Sentence {
                    results.confirm("第一句。", None);
                    return Err(Fault::permanent(FaultKind::Rejected, "as the script says"));
                }
            }
            match script {
                Script::Length | Script::Drafts => results.confirm(&(samples / 16).to_string(), None),
                Script::Nothing | Script::Sentence | Script::Refusal => {}
                Script::Failure => return Err(Fault::permanent(FaultKind::Rejected, "as the script says")),
                Script::Never => std::future::pending().await,
            }
            Ok(())
        })
    }
}

struct ReportCollector {
    reports: mpsc::Sender<(u64, InputEvent)>,
    notes: Arc<Mutex<Vec<InputState>>>,
}

impl InputListener for ReportCollector {
    fn send(&self, epoch: u64, report: InputEvent) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let _ = self.reports.send((epoch, report)).await;
        })
    }

    fn try_send(&self, epoch: u64, report: InputEvent) {
        let _ = self.reports.try_send((epoch, report));
    }

    fn on_state(&self, note: InputState) {
        self.notes.lock().push(note);
    }
}

/// The input of one session, and what it reports.
pub struct TestHost {
    pub input: AudioInput,
    pub recogniser: Arc<Scripted>,
    pub reports: mpsc::Receiver<(u64, InputEvent)>,
    /// Notes, in order.
    pub notes: Arc<Mutex<Vec<InputState>>>,
    /// The single audio thread of the input.
    pub threads: Arc<WorkThreads>,
}

impl TestHost {
    pub fn new(script: Script) -> Self {
        Self::with(script, VadConfig::default())
    }

    pub fn with(script: Script, vad: VadConfig) -> Self {
        let io = tokio::runtime::Handle::current();
        let threads = Arc::new(WorkThreads::start("sound", 1, &io).expect("threads"));
        let (started, ended) = (AtomicUsize::new(0), Arc::default());
        let recogniser = Arc::new(Scripted { script: Mutex::new(script), started, ended });
        let parts = Providers { recogniser: Some(recogniser.clone()), vad, ..Providers::none() };
        let speech = Speech::new(threads.clone(), parts);
        let (sender, reports) = mpsc::channel(64);
        let notes = Arc::<Mutex<Vec<InputState>>>::default();
        let input = AudioInput::new(speech, Box::new(ReportCollector { reports: sender, notes: notes.clone() }));
        Self { input, recogniser, reports, notes, threads }
    }

    pub fn start(&self, mode: ListenMode) {
        self.input.push(AudioEvent::Endpoint(1, Some(mode)));
    }

    pub fn stop(&self) {
        self.input.push(AudioEvent::Endpoint(1, None));
    }

    /// Sends speech as firmware would, but without pacing.
    pub fn say(&self, pcm: &[i16]) {
        for packet in opus(pcm, 60) {
            self.input.push(AudioEvent::Packet(1, packet.into()));
        }
    }

    /// The next report other than `Quiet`.
    pub async fn report(&mut self) -> InputEvent {
        self.report_of().await.1
    }

    /// The same, with the epoch of its audio.
    pub async fn report_of(&mut self) -> (u64, InputEvent) {
        loop {
            let next = tokio::time::timeout(DEADLINE, self.reports.recv()).await;
            match next.expect("a report").expect("an input") {
                (_, InputEvent::Idle) => {}
                next => return next,
            }
        }
    }

    /// The next final transcript.
    pub async fn transcript(&mut self) -> AsrResult {
        loop {
            match self.report().await {
                InputEvent::Transcript(transcript) if transcript.is_final => return transcript,
                InputEvent::Transcript(_) => {}
                // Some tests send undecodable packets on purpose.
                InputEvent::Unreadable(_) => {}
                other => panic!("no transcript but {other:?}"),
            }
        }
    }

    /// The length of the next utterance, in ms.
    pub async fn length(&mut self) -> usize {
        self.transcript().await.text.parse().expect("a length")
    }

    /// Waits until the queue of the input is empty. Reports are dropped meanwhile, since a full queue of reports blocks
    /// the input.
    pub async fn until_idle(&mut self) {
        let wait = async {
            while !self.input.is_idle() {
                while self.reports.try_recv().is_ok() {}
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("all is taken");
    }

    /// Waits until a condition holds.
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("it comes to hold");
    }
}

//! An input with a scripted recogniser, and somebody who listens to its reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use modehost_protocol::ListenMode;
use modehost_speech::asr::{AsrResults, AudioReader, Recogniser};
use modehost_speech::config::VadConfig;
use modehost_speech::{AudioInput, Fault, FaultKind, Listener, Note, Parts, Report, Sound, Speech, Words};
use modehost_task::WorkThreads;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// How long a test waits for what must come.
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

/// What the recogniser makes of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Its length in ms, as text.
    Length,
    /// The same, and a draft after the first sound.
    Drafts,
    /// Nothing was said.
    Nothing,
    /// A failure that will come again.
    Failure,
    /// The same at once.
    Refusal,
    /// It never comes to an end.
    Never,
    /// A sentence after the first sound, and then a failure that will come again.
    Sentence,
}

/// The recogniser.
pub struct Scripted {
    pub script: Mutex<Script>,
    /// Attempts that have begun, and those that have ended or been dropped.
    pub begun: AtomicUsize,
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
        self.begun.fetch_add(1, Ordering::SeqCst);
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
                    return Err(Fault::lasting(FaultKind::Unauthorized, "as the script says"));
                }
                if script == Script::Sentence {
                    results.confirm("第一句。", None);
                    return Err(Fault::lasting(FaultKind::Refused, "as the script says"));
                }
            }
            match script {
                Script::Length | Script::Drafts => results.confirm(&(samples / 16).to_string(), None),
                Script::Nothing | Script::Sentence | Script::Refusal => {}
                Script::Failure => return Err(Fault::lasting(FaultKind::Refused, "as the script says")),
                Script::Never => std::future::pending().await,
            }
            Ok(())
        })
    }
}

struct UtteranceEvent {
    reports: mpsc::Sender<(u64, Report)>,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl Listener for UtteranceEvent {
    fn tell(&self, epoch: u64, report: Report) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let _ = self.reports.send((epoch, report)).await;
        })
    }

    fn hint(&self, epoch: u64, report: Report) {
        let _ = self.reports.try_send((epoch, report));
    }

    fn note(&self, note: Note) {
        self.notes.lock().push(note);
    }
}

/// One session's input.
pub struct TestHost {
    pub input: AudioInput,
    pub recogniser: Arc<Scripted>,
    pub reports: mpsc::Receiver<(u64, Report)>,
    /// Notes, in order.
    pub notes: Arc<Mutex<Vec<Note>>>,
    /// The one thread that the input runs on.
    pub threads: Arc<WorkThreads>,
}

impl TestHost {
    pub fn new(script: Script) -> Self {
        Self::with(script, VadConfig::default())
    }

    pub fn with(script: Script, vad: VadConfig) -> Self {
        let io = tokio::runtime::Handle::current();
        let threads = Arc::new(WorkThreads::start("sound", 1, &io).expect("threads"));
        let (begun, ended) = (AtomicUsize::new(0), Arc::default());
        let recogniser = Arc::new(Scripted { script: Mutex::new(script), begun, ended });
        let parts = Parts { recogniser: Some(recogniser.clone()), vad, ..Parts::none() };
        let speech = Speech::new(threads.clone(), parts);
        let (sender, reports) = mpsc::channel(64);
        let notes = Arc::<Mutex<Vec<Note>>>::default();
        let input = AudioInput::new(speech, Box::new(UtteranceEvent { reports: sender, notes: notes.clone() }));
        Self { input, recogniser, reports, notes, threads }
    }

    pub fn start(&self, mode: ListenMode) {
        self.input.put(Sound::Boundary(1, Some(mode)));
    }

    pub fn stop(&self) {
        self.input.put(Sound::Boundary(1, None));
    }

    /// Says something as firmware would, but all at once.
    pub fn say(&self, pcm: &[i16]) {
        for packet in opus(pcm, 60) {
            self.input.put(Sound::Packet(1, packet.into()));
        }
    }

    /// The next report, but for the one that nothing is being said.
    pub async fn report(&mut self) -> Report {
        self.report_of().await.1
    }

    /// The same, with the epoch of its sound.
    pub async fn report_of(&mut self) -> (u64, Report) {
        loop {
            let next = tokio::time::timeout(DEADLINE, self.reports.recv()).await;
            match next.expect("a report").expect("an input") {
                (_, Report::Quiet) => {}
                next => return next,
            }
        }
    }

    /// The next confirmed words.
    pub async fn words(&mut self) -> Words {
        loop {
            match self.report().await {
                Report::Words(words) if words.is_final => return words,
                Report::Words(_) => {}
                // Of what a test sends for hostility's sake.
                Report::Unreadable(_) => {}
                other => panic!("no words but {other:?}"),
            }
        }
    }

    /// The next utterance's length in ms.
    pub async fn length(&mut self) -> usize {
        self.words().await.text.parse().expect("a length")
    }

    /// Waits until the input has taken all that was put. What it reports meanwhile is read and dropped: it waits for whom
    /// it tells, as it does for a session.
    pub async fn until_idle(&mut self) {
        let wait = async {
            while !self.input.is_idle() {
                while self.reports.try_recv().is_ok() {}
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("all is taken");
    }

    /// Waits until something holds.
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("it comes to hold");
    }
}

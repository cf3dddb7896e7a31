//! All commands of the default mode that need no model. Rule: the most certain reading counts, and two modes that match
//! at once are a doubt.

use crate::Verdict;
use crate::begin::ModePhrases;
use crate::frame::{CommandKind, Framed};
use crate::intent::{self, Intent};
use crate::path::{Flags, Paths};
use crate::text::Text;
use crate::{clause, ending, farewell, leave, silence};

/// A command of the default mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeCommand {
    /// Start this mode.
    Start(String),
    /// Leave the running mode.
    Leave,
    /// A bare 退出: leave the running mode, or say goodbye if none runs.
    Exit,
    /// Goodbye.
    Farewell,
    /// Stop speaking.
    StopSpeaking,
    /// Forget the dialogue.
    Forget,
}

/// The context of an utterance.
#[derive(Clone, Debug, Default)]
pub struct ModeContext<'a> {
    /// The modes that can be started.
    pub modes: Vec<ModePhrases>,
    /// True if a mode is running that can be left. Otherwise a statement that something is over is only a report.
    pub mode_is_running: bool,
    /// The names of the device.
    pub device_names: Vec<&'a str>,
}

impl ModeContext<'_> {
    /// The command that an utterance is.
    pub fn read(&self, utterance: &str) -> Verdict<ModeCommand> {
        let read = clause::read_with_remarks(utterance, |utterance| self.read_clause(utterance));
        // 开车了 不说了: with a reason the speaker leaves, and does not silence the device.
        let is_reasoned = || {
            let text = Text::parse(utterance).filter(|text| text.words.ends_with("不说了"));
            text.is_some() && !matches!(self.read_clause(utterance), Verdict::Command(_))
        };
        match read {
            Verdict::Command(ModeCommand::StopSpeaking) if is_reasoned() => Verdict::Command(ModeCommand::Farewell),
            read => read,
        }
    }

    fn read_clause(&self, utterance: &str) -> Verdict<ModeCommand> {
        let Some(text) = Text::parse(utterance) else { return Verdict::Talk };
        let framed = Framed::new(&text, &self.device_names);
        let simple = |command: ModeCommand, kind, grammar: for<'t> fn(&Paths<'t>) -> Paths<'t>| {
            framed.read(kind, grammar).map(|()| command)
        };
        let known = ModePhrases::known("meeting");
        // With no mode running, 可以结束会议了 is about something else.
        let (kind, stated, other) = match self.mode_is_running {
            true => (CommandKind::End, Flags::NONE, Flags::NONE),
            false => (CommandKind::Begin, Flags::STATEMENT, Flags::ABOUT_OBJECT),
        };
        let leave_mode = || {
            let home = framed.read(CommandKind::End, |paths| leave::in_company(paths, leave::to_default_mode));
            let ended = || framed.read(kind, |paths| ending::end_meeting(paths, &known, stated).with_flags(other));
            let named = || {
                let verdicts = self.modes.iter().map(|named| {
                    framed.read(kind, |paths| {
                        leave::in_company(paths, |paths| leave::end_command(paths, named, stated)).with_flags(other)
                    })
                });
                verdicts.fold(Verdict::Talk, |one, other| one.or(|| other))
            };
            home.or(ended).or(named).map(|()| ModeCommand::Leave)
        };
        // 不说了 silences the device; 先不说了 is a farewell.
        let stop = match text.words.ends_with("先不说了") {
            true => Verdict::Talk,
            false => simple(ModeCommand::StopSpeaking, CommandKind::Farewell, silence::stop_speaking),
        };
        stop.or(|| simple(ModeCommand::Forget, CommandKind::End, silence::forget))
            .or(|| simple(ModeCommand::Exit, CommandKind::End, |paths| leave::in_company(paths, leave::bare_exit)))
            .or(leave_mode)
            .or(|| simple(ModeCommand::Farewell, CommandKind::Farewell, farewell::farewell))
            .or(|| self.start_mode(&framed))
            .or(|| match text.without_call_particle(utterance) {
                Some(text) => self.start_mode(&Framed::new(&text, &self.device_names)),
                None => Verdict::Talk,
            })
            .or(|| match without_repeated_report(&text) {
                Some(text) => self.start_mode(&Framed::new(&text, &self.device_names)),
                None => Verdict::Talk,
            })
            .or(|| self.by_intent(&text))
    }

    /// By intent, which is certain or nothing.
    fn by_intent(&self, text: &Text) -> Verdict<ModeCommand> {
        let wishes = intent::of(text).into_iter().filter_map(|intent| match intent {
            Intent::StartMode(mode) => {
                let is_configured = self.modes.iter().any(|named| named.mode == mode && !named.has_no_vocabulary());
                is_configured.then(|| ModeCommand::Start(mode.to_owned()))
            }
            Intent::LeaveMode => Some(ModeCommand::Leave),
            Intent::EndMeeting => self.mode_is_running.then_some(ModeCommand::Leave),
            Intent::Farewell => Some(ModeCommand::Farewell),
            Intent::NextTask | Intent::TaskDone => None,
        });
        let mut wishes: Vec<ModeCommand> = wishes.collect();
        wishes.dedup();
        match wishes.as_slice() {
            [] => Verdict::Talk,
            [wish] => Verdict::Command(wish.clone()),
            [wish, ..] => Verdict::Doubt(wish.clone()),
        }
    }

    fn start_mode(&self, framed: &Framed<'_>) -> Verdict<ModeCommand> {
        let mut verdict = Verdict::Talk;
        for named in &self.modes {
            let one = framed
                .read(CommandKind::Begin, |paths| named.start_command(paths))
                .map(|()| ModeCommand::Start(named.mode.clone()));
            verdict = match (verdict, one) {
                (Verdict::Command(_), Verdict::Command(wish)) => Verdict::Doubt(wish),
                (verdict, one) => verdict.or(|| one),
            };
        }
        verdict
    }
}

/// The text with 吧 in place of a repeated 了: 开会了开会了 urges, whereas 开会了 reports.
fn without_repeated_report(text: &Text) -> Option<Text> {
    let words = &text.words;
    let units: Vec<&str> = words.split_inclusive('了').collect();
    // 上班了上班了 is said on the way to work.
    let is_doubled =
        units.len() >= 2 && units[0] != "上班了" && units.iter().all(|unit| *unit == units[0] && unit.ends_with('了'));
    is_doubled.then(|| Text { words: format!("{}吧", units[0].trim_end_matches('了')), ..text.clone() })
}

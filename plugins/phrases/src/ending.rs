//! The end of a meeting, commanded within the meeting. Rule: the configured phrases end it, with any words that may
//! surround a command; if one of them is a built-in phrase, all built-in phrases end it too.
//!
//! [`ModeContext::read`](crate::mode_command::ModeContext::read) takes the same phrases as a wish to leave the mode, because utterances are
//! passed on to the default mode: both use [`end_meeting()`].

use crate::Verdict;
use crate::begin::ModePhrases;
use crate::frame::{CommandKind, Framed};
use crate::intent::{self, Intent};
use crate::path::{Flags, Paths};
use crate::text::Text;
use crate::{clause, leave};

/// Matches all commands that end a meeting. `stated`: flags for those that only state that it is over.
pub fn end_meeting<'t>(paths: &Paths<'t>, meeting: &ModePhrases, stated: Flags) -> Paths<'t> {
    leave::in_company(paths, |paths| leave::dismissal(paths, stated).or(&leave::end_command(paths, meeting, stated)))
}

/// Whether an utterance ends the meeting in which it was said.
pub fn ends_meeting<P: AsRef<str>>(utterance: &str, phrases: &[P]) -> Verdict<()> {
    clause::read_with_remarks(utterance, |utterance| read(utterance, phrases))
}

fn read<P: AsRef<str>>(utterance: &str, phrases: &[P]) -> Verdict<()> {
    let Some(text) = Text::parse(utterance) else { return Verdict::Talk };
    let framed = Framed::new(&text, &[]);
    let phrases: Vec<String> = phrases.iter().map(|phrase| Text::phrase(phrase.as_ref())).collect();
    let meeting = ModePhrases::known("meeting");
    let is_known =
        phrases.iter().any(|phrase| !end_meeting(&Paths::start(phrase), &meeting, Flags::NONE).accepted().is_empty());
    let whole = framed.read(CommandKind::End, |paths| leave::in_company(paths, |paths| paths.word(&phrases)));
    let known = || match is_known {
        true => {
            let ended = framed.read(CommandKind::End, |paths| end_meeting(paths, &meeting, Flags::NONE));
            // 退出 leaves any mode.
            let read = ended.or(|| {
                framed.read(CommandKind::End, |paths| leave::bare_exit(paths).or(&leave::to_default_mode(paths)))
            });
            read.or(|| match intent::of(&text).as_slice() {
                [Intent::EndMeeting | Intent::LeaveMode] => Verdict::Command(()),
                _ => Verdict::Talk,
            })
        }
        false => Verdict::Talk,
    };
    whole.or(known)
}

//! The end of a meeting, said in the meeting. Rule: the configured phrases end it, with all that may stand around
//! them; where one of them is an end that is known here, every other way to say it ends it too.
//!
//! [`Scene::read`](crate::wish::Scene::read) takes all of these as a wish to leave the mode, since they are handed on
//! to the default mode: both ask [`core()`].

use crate::Verdict;
use crate::begin::Named;
use crate::frame::{Framed, Manner};
use crate::gist::{self, Gist};
use crate::path::{Marks, Ways};
use crate::text::Text;
use crate::{clause, leave};

/// What ends a meeting, however it is said; with these marks where it is only said to be over.
pub fn core<'t>(ways: &Ways<'t>, meeting: &Named, stated: Marks) -> Ways<'t> {
    leave::sociably(ways, |ways| leave::dismissal(ways, stated).or(&leave::core(ways, meeting, stated)))
}

/// Whether an utterance ends the meeting in which it was said.
pub fn of_meeting<P: AsRef<str>>(said: &str, phrases: &[P]) -> Verdict<()> {
    clause::among(said, |said| ends(said, phrases))
}

fn ends<P: AsRef<str>>(said: &str, phrases: &[P]) -> Verdict<()> {
    let Some(text) = Text::of(said) else { return Verdict::Talk };
    let framed = Framed::new(&text, &[]);
    let phrases: Vec<String> = phrases.iter().map(|phrase| Text::phrase(phrase.as_ref())).collect();
    let meeting = Named::known("meeting");
    let is_known = phrases.iter().any(|phrase| !core(&Ways::begin(phrase), &meeting, Marks::NONE).ends().is_empty());
    let whole = framed.read(Manner::End, |ways| leave::sociably(ways, |ways| ways.word(&phrases)));
    let known = || match is_known {
        true => {
            let ends = framed.read(Manner::End, |ways| core(ways, &meeting, Marks::NONE));
            // 退出 leaves any mode.
            let ends = ends.or(|| framed.read(Manner::End, |ways| leave::bare(ways).or(&leave::home(ways))));
            ends.or(|| match gist::of(&text).as_slice() {
                [Gist::EndMeeting | Gist::Leave] => Verdict::Command(()),
                _ => Verdict::Talk,
            })
        }
        false => Verdict::Talk,
    };
    whole.or(known)
}

//! Everything that a person may want of the default mode without a model. Rule: the surest reading counts, and two
//! modes that are wanted at once are a doubt.

use crate::Verdict;
use crate::begin::Named;
use crate::frame::{Framed, Manner};
use crate::gist::{self, Gist};
use crate::path::{Marks, Ways};
use crate::text::Text;
use crate::{clause, ending, farewell, hush, leave};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Begin this mode.
    Start(String),
    /// Leave the mode that runs.
    Leave,
    /// 退出 alone: leave the mode that runs, or go, where none does.
    Exit,
    /// Goodbye.
    Part,
    /// Be silent.
    Stop,
    /// Forget the dialogue.
    Forget,
}

/// What is known where somebody speaks.
#[derive(Clone, Debug, Default)]
pub struct Scene<'a> {
    /// The modes that can be begun.
    pub modes: Vec<Named>,
    /// A mode runs that can be left. Otherwise whoever says that something is over only tells of it.
    pub running: bool,
    /// What the device is called.
    pub names: Vec<&'a str>,
}

impl Scene<'_> {
    /// The wish that an utterance is.
    pub fn read(&self, said: &str) -> Verdict<Wish> {
        let read = clause::among(said, |said| self.of(said));
        // 开车了 不说了: whoever has a reason goes, and hushes nobody.
        let is_reasoned = || {
            let text = Text::of(said).filter(|text| text.words.ends_with("不说了"));
            text.is_some() && !matches!(self.of(said), Verdict::Command(_))
        };
        match read {
            Verdict::Command(Wish::Stop) if is_reasoned() => Verdict::Command(Wish::Part),
            read => read,
        }
    }

    fn of(&self, said: &str) -> Verdict<Wish> {
        let Some(text) = Text::of(said) else { return Verdict::Talk };
        let framed = Framed::new(&text, &self.names);
        let simple =
            |wish: Wish, manner, core: for<'t> fn(&Ways<'t>) -> Ways<'t>| framed.read(manner, core).map(|()| wish);
        let known = Named::known("meeting");
        // Where nothing runs, 可以结束会议了 tells of something else.
        let (manner, stated, other) = match self.running {
            true => (Manner::End, Marks::NONE, Marks::NONE),
            false => (Manner::Begin, Marks::STATED, Marks::OF_IT),
        };
        let is_left = || {
            let home = framed.read(Manner::End, |ways| leave::sociably(ways, leave::home));
            let ended = || framed.read(manner, |ways| ending::core(ways, &known, stated).mark(other));
            let named = || {
                let verdicts = self.modes.iter().map(|named| {
                    framed
                        .read(manner, |ways| leave::sociably(ways, |ways| leave::core(ways, named, stated)).mark(other))
                });
                verdicts.fold(Verdict::Talk, |one, other| one.or(|| other))
            };
            home.or(ended).or(named).map(|()| Wish::Leave)
        };
        // 不说了 hushes the device; who says 先不说了 goes.
        let stop = match text.words.ends_with("先不说了") {
            true => Verdict::Talk,
            false => simple(Wish::Stop, Manner::Parting, hush::stop),
        };
        stop.or(|| simple(Wish::Forget, Manner::End, hush::forget))
            .or(|| simple(Wish::Exit, Manner::End, |ways| leave::sociably(ways, leave::bare)))
            .or(is_left)
            .or(|| simple(Wish::Part, Manner::Parting, farewell::core))
            .or(|| self.begun(&framed))
            .or(|| match text.called(said) {
                Some(text) => self.begun(&Framed::new(&text, &self.names)),
                None => Verdict::Talk,
            })
            .or(|| match urged(&text) {
                Some(text) => self.begun(&Framed::new(&text, &self.names)),
                None => Verdict::Talk,
            })
            .or(|| self.meant(&text))
    }

    /// By its gist, which is sure or nothing.
    fn meant(&self, text: &Text) -> Verdict<Wish> {
        let wishes = gist::of(text).into_iter().filter_map(|gist| match gist {
            Gist::Begin(mode) => {
                let is_configured = self.modes.iter().any(|named| named.mode == mode && !named.is_bare());
                is_configured.then(|| Wish::Start(mode.to_owned()))
            }
            Gist::Leave => Some(Wish::Leave),
            Gist::EndMeeting => self.running.then_some(Wish::Leave),
            Gist::Part => Some(Wish::Part),
            Gist::Next | Gist::Done => None,
        });
        let mut wishes: Vec<Wish> = wishes.collect();
        wishes.dedup();
        match wishes.as_slice() {
            [] => Verdict::Talk,
            [wish] => Verdict::Command(wish.clone()),
            [wish, ..] => Verdict::Doubt(wish.clone()),
        }
    }

    fn begun(&self, framed: &Framed<'_>) -> Verdict<Wish> {
        let mut begun = Verdict::Talk;
        for named in &self.modes {
            let one = framed.read(Manner::Begin, |ways| named.core(ways)).map(|()| Wish::Start(named.mode.clone()));
            begun = match (begun, one) {
                (Verdict::Command(_), Verdict::Command(wish)) => Verdict::Doubt(wish),
                (begun, one) => begun.or(|| one),
            };
        }
        begun
    }
}

/// 开会了开会了 urges, where 开会了 tells: without what tells.
fn urged(text: &Text) -> Option<Text> {
    let words = &text.words;
    let units: Vec<&str> = words.split_inclusive('了').collect();
    // 上班了上班了 is said on the way there.
    let is_doubled =
        units.len() >= 2 && units[0] != "上班了" && units.iter().all(|unit| *unit == units[0] && unit.ends_with('了'));
    is_doubled.then(|| Text { words: format!("{}吧", units[0].trim_end_matches('了')), ..text.clone() })
}

//! Notes of sections of a meeting, which stand for their text in the summary. Rule: they stay small however long the
//! meeting gets, and cover all of it.

use serde::{Deserialize, Serialize};

use crate::extract::weigh::ways_of_speaking;
use crate::likeness::{Likeness, distinct};

/// Characters of all notes of a meeting; bounds the snapshot of a day-long meeting.
const NOTES_CHARS: usize = 6_000;
/// Sections with separate notes; beyond them the two neighbours with the fewest entries are merged.
const PARTS: usize = 12;
/// Entries in the notes of one section.
const POINTS: usize = 6;
const DECISIONS: usize = 8;
const ACTIONS: usize = 10;
/// Characters of an entry.
pub const ENTRY_CHARS: usize = 160;
/// Weight of a point made by a model; points found by rules weigh 0 to 999.
pub const MADE: u16 = 1_000;

/// A point worth remembering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub text: String,
    /// Importance relative to other points, 0 to [`MADE`].
    pub weight: u16,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// As it was said, such as `by Friday`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
}

/// The notes of one section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Unix ms of the first and the last segment.
    pub from: u64,
    pub to: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

impl Notes {
    /// True if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.decisions.is_empty() && self.actions.is_empty()
    }

    /// Characters of all entries.
    pub fn chars(&self) -> usize {
        let points = self.points.iter().map(|point| point.text.chars().count());
        let decisions = self.decisions.iter().map(|decision| decision.chars().count());
        let actions = self.actions.iter().map(Action::chars);
        points.chain(decisions).chain(actions).sum()
    }

    fn entries(&self) -> usize {
        self.points.len() + self.decisions.len() + self.actions.len()
    }

    /// Cuts entries and lists to their bounds.
    fn trim(&mut self) {
        for point in &mut self.points {
            clip(&mut point.text, ENTRY_CHARS);
        }
        self.decisions.iter_mut().for_each(|decision| clip(decision, ENTRY_CHARS));
        self.actions.iter_mut().for_each(|action| clip(&mut action.text, ENTRY_CHARS));
        self.points = distinct(std::mem::take(&mut self.points), |point| &point.text, usize::MAX);
        while self.points.len() > POINTS {
            drop_lightest(&mut self.points);
        }
        self.decisions = distinct(std::mem::take(&mut self.decisions), |decision| decision, DECISIONS);
        self.actions = distinct(std::mem::take(&mut self.actions), |action| &action.text, ACTIONS);
    }

    /// Merges the notes of the next section into these.
    fn absorb(&mut self, next: Self) {
        self.to = next.to;
        self.points.extend(next.points);
        self.decisions.extend(next.decisions);
        self.actions.extend(next.actions);
        self.trim();
    }
}

impl Action {
    fn chars(&self) -> usize {
        let optional = [&self.owner, &self.due].into_iter().flatten();
        self.text.chars().count() + optional.map(|text| text.chars().count()).sum::<usize>()
    }
}

/// Appends the notes of the latest section and enforces all bounds.
pub fn add(all: &mut Vec<Notes>, mut latest: Notes) {
    latest.trim();
    all.push(latest);
    while all.len() > PARTS {
        join_smallest(all);
    }
    while all.iter().map(Notes::chars).sum::<usize>() > NOTES_CHARS {
        if !thin(all) {
            break;
        }
    }
}

/// Merges the two neighbours with the fewest entries.
fn join_smallest(all: &mut Vec<Notes>) {
    let size = |place: usize| all[place].entries() + all[place + 1].entries();
    let Some(place) = (0..all.len().saturating_sub(1)).min_by_key(|&place| size(place)) else { return };
    let next = all.remove(place + 1);
    all[place].absorb(next);
}

/// Drops one entry of the longest notes. False if nothing is left to drop.
fn thin(all: &mut [Notes]) -> bool {
    let Some(fullest) = all.iter_mut().max_by_key(|notes| notes.chars()) else { return false };
    if fullest.points.len() > 1 {
        drop_lightest(&mut fullest.points);
    } else if fullest.decisions.len() > fullest.actions.len() {
        fullest.decisions.pop();
    } else if fullest.actions.pop().is_none() && fullest.decisions.pop().is_none() {
        return fullest.points.pop().is_some();
    }
    true
}

fn drop_lightest(points: &mut Vec<Point>) {
    // Of two with equal weight the later one goes: the first mention introduces the subject.
    let lightest = points.iter().enumerate().rev().min_by_key(|(_, point)| point.weight).map(|(place, _)| place);
    if let Some(place) = lightest {
        points.remove(place);
    }
}

/// Points that represent the whole meeting: the heaviest of each section first, then the next ones, in the order in
/// which they were said.
pub fn choose_points(all: &[Notes], limit: usize) -> Vec<String> {
    let every: Vec<(usize, &Point)> =
        all.iter().enumerate().flat_map(|(part, notes)| notes.points.iter().map(move |point| (part, point))).collect();
    let habits = ways_of_speaking(every.iter().map(|(_, point)| point.text.as_str()), 2);
    let mut ranked: Vec<usize> = (0..every.len()).collect();
    // Sections alternate: first all heaviest points, then all second ones.
    ranked.sort_by_key(|&place| {
        let (part, point) = every[place];
        let heavier = every.iter().enumerate().filter(|(other, (of, rival))| {
            *of == part && (rival.weight > point.weight || (rival.weight == point.weight && *other < place))
        });
        (point.weight < MADE && habits[place], heavier.count(), u16::MAX - point.weight, place)
    });
    let mut chosen: Vec<usize> = Vec::new();
    let mut seen: Vec<Likeness> = Vec::new();
    for place in ranked {
        let likeness = Likeness::of(&every[place].1.text);
        if chosen.len() < limit && !likeness.is_empty() && !seen.iter().any(|other| other.matches(&likeness)) {
            seen.push(likeness);
            chosen.push(place);
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|place| every[place].1.text.clone()).collect()
}

/// Cuts a text to `chars` characters and marks the cut with `…`.
pub fn clip(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
        text.truncate(text.trim_end().len());
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u64) -> Notes {
        let text = |what: &str| format!("{what} number {number} of the long meeting, which goes on and on about it");
        let point = |weight| Point { text: format!("{} {weight}", text("point")), weight };
        Notes {
            from: number * 1_000,
            to: number * 1_000 + 999,
            points: (0..6).map(|weight| point(weight * 100)).collect(),
            decisions: vec![text("decision")],
            actions: vec![Action { text: text("action"), owner: Some("Ann".into()), due: None }],
        }
    }

    #[test]
    fn notes_stay_small_and_cover_all() {
        let mut all = Vec::new();
        for number in 0..200 {
            add(&mut all, part(number));
            assert!(all.len() <= PARTS);
            assert!(all.iter().map(Notes::chars).sum::<usize>() <= NOTES_CHARS);
        }
        assert_eq!(all.first().map(|notes| notes.from), Some(0));
        assert_eq!(all.last().map(|notes| notes.to), Some(199_999));
    }

    #[test]
    fn every_stretch_has_its_point() {
        let all: Vec<Notes> = (0..6).map(part).collect();
        let chosen = choose_points(&all, 6);
        for number in 0..6 {
            assert!(chosen[number].contains(&format!("number {number}")), "{chosen:?}");
            assert!(chosen[number].ends_with("500"), "{chosen:?}");
        }
    }

    #[test]
    fn cutting_keeps_characters_whole() {
        let mut text = "会议纪要很长".to_owned();
        clip(&mut text, 4);
        assert_eq!(text, "会议纪要…");
        clip(&mut text, 5);
        assert_eq!(text, "会议纪要…");
    }
}

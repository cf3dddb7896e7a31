//! What devices sent and were told, and whether the nodes have it so. Rule: the checker knows no server: it is given a
//! history and the copies at the end, and says what cannot be.
//!
//! Times are the numbers of events in the order in which the test saw them: what ended before another began has the lower
//! number. An event without an acknowledgement may have happened at any time after it began, or never.

use std::collections::{BTreeMap, BTreeSet};

/// An entry that a device had appended to its journal.
#[derive(Clone, Debug)]
pub struct Append {
    pub device: usize,
    /// Which of the device's connections, in the order in which they were opened, and to which node.
    pub connection: usize,
    pub node: usize,
    /// Unique among those of the device.
    pub value: u64,
    pub begun: u64,
    /// The number of the entry, and when that was heard.
    pub told: Option<(u64, u64)>,
}

/// A count that the session of the device keeps in its state, which every acknowledged append makes durable.
#[derive(Clone, Debug)]
pub struct Count {
    pub device: usize,
    /// As of an [`Append`].
    pub connection: usize,
    pub node: usize,
    pub begun: u64,
    /// The count, and when it was heard.
    pub told: Option<(u64, u64)>,
}

/// A counter in a document that all devices share, written with the expected version.
#[derive(Clone, Debug)]
pub struct Increment {
    /// What was written: one more than what was read.
    pub value: u64,
    pub begun: u64,
    /// When the success was heard.
    pub told: Option<u64>,
}

/// Everything that devices did.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub appends: Vec<Append>,
    pub counts: Vec<Count>,
    pub increments: Vec<Increment>,
}

/// What a node has at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The journal of each device.
    pub journals: Vec<Vec<u64>>,
    pub counter: u64,
}

/// What cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Acknowledged, and not there.
    Lost,
    /// There twice.
    Doubled,
    /// There, and nobody has sent it.
    Invented,
    /// Behind something that began after it had been acknowledged.
    Reordered,
    /// Two acknowledgements of the same place, or one over a connection that was left, after the device had been
    /// answered by another node: two nodes took themselves for the owner.
    TwoOwners,
    /// A session went on with a state from before an acknowledged append of its own.
    StateLost,
    /// Two increments of the shared counter were acknowledged as one.
    LostUpdate,
    /// Nodes have different things.
    CopiesDiffer,
}

/// A violation, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub violation: Violation,
    pub evidence: String,
}

/// Everything that cannot be.
pub fn check(history: &History, copies: &[Copy]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(copy) = copies.iter().find(|copy| **copy != copies[0]) {
        let evidence = copy
            .journals
            .iter()
            .zip(&copies[0].journals)
            .position(|(one, other)| one != other)
            .map_or("the shared counter".to_owned(), |device| format!("the journal of device {device}"));
        findings.push(Finding { violation: Violation::CopiesDiffer, evidence });
    }
    for (device, journal) in copies[0].journals.iter().enumerate() {
        let appends: Vec<&Append> = history.appends.iter().filter(|append| append.device == device).collect();
        let counts: Vec<&Count> = history.counts.iter().filter(|count| count.device == device).collect();
        let mut found = |violation, what: &str| {
            findings.push(Finding { violation, evidence: format!("device {device}: {what}") });
        };
        check_journal(&appends, journal, &mut found);
        check_owners(&appends, &mut found);
        check_state(&appends, &counts, &mut found);
    }
    check_counter(&history.increments, copies[0].counter, &mut findings);
    findings
}

fn check_journal(appends: &[&Append], journal: &[u64], found: &mut dyn FnMut(Violation, &str)) {
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for (place, value) in journal.iter().enumerate() {
        if places.insert(*value, place).is_some() {
            found(Violation::Doubled, &format!("{value}"));
        }
    }
    let sent: BTreeSet<u64> = appends.iter().map(|append| append.value).collect();
    for value in places.keys().filter(|value| !sent.contains(value)) {
        found(Violation::Invented, &format!("{value}"));
    }
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    for append in appends {
        let Some((number, _)) = append.told else { continue };
        if let Some(other) = numbers.insert(number, append.value) {
            found(Violation::TwoOwners, &format!("{other} and {} are both entry {number}", append.value));
        }
        match places.get(&append.value) {
            None => found(Violation::Lost, &format!("{}, acknowledged as entry {number}", append.value)),
            Some(place) if *place as u64 + 1 != number => {
                found(Violation::Reordered, &format!("{} is entry {}, not {number}", append.value, place + 1));
            }
            Some(_) => {}
        }
    }
    // Of those that stand behind an entry, none may have been acknowledged before the entry began.
    let by_value: BTreeMap<u64, &Append> = appends.iter().map(|append| (append.value, *append)).collect();
    let mut earliest: Option<(u64, u64)> = None;
    for value in journal.iter().rev() {
        let Some(append) = by_value.get(value) else { continue };
        if let Some((told, behind)) = earliest.filter(|(told, _)| *told < append.begun) {
            found(
                Violation::Reordered,
                &format!("{behind}, acknowledged at {told}, is behind {value}, begun at {}", append.begun),
            );
        }
        if let Some((_, told)) = append.told {
            earliest = Some(earliest.map_or((told, *value), |known| known.min((told, *value))));
        }
    }
}

/// Once a newer connection to another node was answered, an older one is not any more.
fn check_owners(appends: &[&Append], found: &mut dyn FnMut(Violation, &str)) {
    // When each connection was answered first.
    let mut answered: BTreeMap<usize, (u64, usize)> = BTreeMap::new();
    for append in appends {
        if let Some((_, at)) = append.told {
            let first = answered.entry(append.connection).or_insert((at, append.node));
            first.0 = first.0.min(at);
        }
    }
    for append in appends.iter().filter(|append| append.told.is_some()) {
        let newer = answered.range(append.connection + 1..);
        let replaced = newer.filter(|(_, (_, node))| *node != append.node).find(|(_, (at, _))| *at < append.begun);
        if let Some((connection, (at, node))) = replaced {
            let (value, old, begun) = (append.value, append.connection, append.begun);
            let what = format!(
                "{value} was begun at {begun} over connection {old} and acknowledged, and node {node} had answered connection {connection} at {at}"
            );
            found(Violation::TwoOwners, &what);
        }
    }
}

/// A count is higher than every count that was told before an append of the same session which was acknowledged before
/// it. A count alone makes nothing durable: what was told over an earlier connection may be lost with its node, and the
/// append be that of a session from before it. A connection belongs to one session.
fn check_state(appends: &[&Append], counts: &[&Count], found: &mut dyn FnMut(Violation, &str)) {
    #[derive(Clone, Copy)]
    enum Event {
        Counted(usize, u64),
        AppendBegins(usize),
        Appended(usize),
        CountBegins(usize),
    }
    let mut events: Vec<(u64, Event)> = Vec::new();
    for (place, append) in appends.iter().enumerate() {
        events.push((append.begun, Event::AppendBegins(place)));
        events.extend(append.told.map(|(_, at)| (at, Event::Appended(place))));
    }
    for (place, count) in counts.iter().enumerate() {
        events.push((count.begun, Event::CountBegins(place)));
        events.extend(count.told.map(|(value, at)| (at, Event::Counted(count.connection, value))));
    }
    events.sort_by_key(|(at, _)| *at);
    let mut highest: BTreeMap<usize, u64> = BTreeMap::new();
    let (mut durable, mut by) = (0, 0);
    let mut before_append = vec![0; appends.len()];
    for (_, event) in events {
        match event {
            Event::Counted(connection, value) => {
                let known = highest.entry(connection).or_default();
                *known = value.max(*known);
            }
            Event::AppendBegins(place) => {
                before_append[place] = highest.get(&appends[place].connection).copied().unwrap_or(0);
            }
            Event::Appended(place) => {
                if before_append[place] > durable {
                    (durable, by) = (before_append[place], place);
                }
            }
            Event::CountBegins(place) => {
                let Some((value, _)) = counts[place].told.filter(|(value, _)| *value <= durable) else { continue };
                let (append, count) = (appends[by], counts[place]);
                let shown = |connection: usize, node: usize, begun: u64| {
                    format!("over connection {connection} to node {node} at {begun}")
                };
                let at = shown(count.connection, count.node, count.begun);
                let by = shown(append.connection, append.node, append.begun);
                let what = format!("{at} it counted {value}, after {durable} had been made durable {by}");
                found(Violation::StateLost, &what);
            }
        }
    }
}

fn check_counter(increments: &[Increment], counter: u64, findings: &mut Vec<Finding>) {
    let mut found = |violation, evidence| findings.push(Finding { violation, evidence });
    let mut told: BTreeMap<u64, &Increment> = BTreeMap::new();
    for increment in increments.iter().filter(|increment| increment.told.is_some()) {
        if told.insert(increment.value, increment).is_some() {
            found(Violation::LostUpdate, format!("two devices were told that they wrote {}", increment.value));
        }
        if increment.value > counter {
            found(Violation::Lost, format!("the counter is {counter}, and {} was acknowledged", increment.value));
        }
    }
    if counter > increments.len() as u64 {
        found(Violation::Doubled, format!("the counter is {counter} after {} increments", increments.len()));
    }
    let mut earliest: Option<u64> = None;
    for increment in told.values().rev() {
        if earliest.is_some_and(|told| told < increment.begun) {
            found(Violation::Reordered, format!("{} was written after more had been acknowledged", increment.value));
        }
        earliest = earliest.min(increment.told).or(increment.told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history that could be, as three devices make it, with unknown outcomes, and the copies of three nodes.
    fn sound(random: &mut fastrand::Rng) -> (History, Vec<Copy>) {
        let (mut history, mut clock) = (History::default(), 0);
        let mut copy = Copy { journals: vec![Vec::new(); 3], counter: 0 };
        let mut counts = [0; 3];
        let mut tick = || {
            clock += 1;
            clock
        };
        for value in 1..=60 {
            let device = random.usize(..3);
            let begun = tick();
            let (happens, told) = (random.u8(..10) < 8, random.u8(..10) < 7);
            if happens {
                copy.journals[device].push(value);
            }
            let number = copy.journals[device].len() as u64;
            let told = (happens && told).then(|| (number, tick()));
            let connection = value as usize / 20;
            history.appends.push(Append { device, connection, node: connection % 3, value, begun, told });
            counts[device] += 1;
            let (begun, at) = (tick(), tick());
            let told = random.bool().then_some((counts[device], at));
            history.counts.push(Count { device, connection, node: connection % 3, begun, told });
            if random.u8(..4) == 0 {
                let (begun, happens) = (tick(), random.bool());
                copy.counter += u64::from(happens);
                let value = if happens { copy.counter } else { copy.counter + 1 };
                let told = (happens && random.u8(..10) < 7).then(&mut tick);
                history.increments.push(Increment { value, begun, told });
            }
        }
        (history, vec![copy; 3])
    }

    fn violations(history: &History, copies: &[Copy]) -> BTreeSet<Violation> {
        check(history, copies).into_iter().map(|finding| finding.violation).collect()
    }

    #[test]
    fn what_could_be_is_not_complained_of() {
        for seed in 0..300 {
            let (history, copies) = sound(&mut fastrand::Rng::with_seed(seed));
            assert_eq!(check(&history, &copies), [], "seed {seed}");
        }
    }

    /// Plants a fault in all copies; false where this history has no place for it.
    fn plant(fault: Violation, random: &mut fastrand::Rng, history: &mut History, copies: &mut [Copy]) -> bool {
        let told: Vec<Append> = history.appends.iter().filter(|append| append.told.is_some()).cloned().collect();
        let Append { device, value, .. } = told[random.usize(..told.len())];
        let place = copies[0].journals[device].iter().position(|known| *known == value).expect("it is there");
        match fault {
            Violation::Lost => copies.iter_mut().for_each(|copy| copy.journals[device].retain(|known| *known != value)),
            Violation::Doubled => copies.iter_mut().for_each(|copy| copy.journals[device].push(value)),
            Violation::Invented => copies.iter_mut().for_each(|copy| copy.journals[device].push(1000)),
            Violation::Reordered => {
                let (_, at) =
                    told.iter().find(|append| append.value == value).and_then(|append| append.told).expect("told");
                let behind = copies[0].journals[device].get(place + 1).copied();
                let begun =
                    history.appends.iter().find(|append| Some(append.value) == behind).map(|append| append.begun);
                if begun.is_none_or(|begun| begun < at) {
                    return false;
                }
                copies.iter_mut().for_each(|copy| copy.journals[device].swap(place, place + 1));
            }
            Violation::TwoOwners if random.bool() => {
                // An old connection is answered although a newer one was, by another node.
                let newest = told.iter().rfind(|append| append.device == device && append.connection > 0);
                let Some(newest) = newest else { return false };
                let again = Append { connection: 0, node: 0, begun: 9_000, told: newest.told, ..newest.clone() };
                let place =
                    history.appends.iter().position(|append| append.value == newest.value).expect("it is there");
                if newest.node == 0 {
                    return false;
                }
                let earlier = Append { value: 2_000, ..newest.clone() };
                history.appends[place] = Append { told: again.told.map(|(number, _)| (number, 9_001)), ..again };
                copies.iter_mut().for_each(|copy| copy.journals[device].push(2_000));
                let number = copies[0].journals[device].len() as u64;
                history.appends.push(Append { told: Some((number, 8_000)), ..earlier });
            }
            Violation::TwoOwners => {
                let other = history.appends.iter_mut().find(|append| append.device == device && append.value != value);
                let number = place as u64 + 1;
                let Some(other) = other else { return false };
                other.told = Some((number, 10_000));
            }
            Violation::LostUpdate => {
                let Some(told) = history.increments.iter().find(|increment| increment.told.is_some()).cloned() else {
                    return false;
                };
                history.increments.push(told);
            }
            Violation::StateLost => {
                // A count of before, after an append that made a later one durable.
                let count = Count { device, connection: 9, node: 0, begun: 9_000, told: Some((50_000, 9_001)) };
                history.counts.push(count.clone());
                let (begun, told) = (9_002, Some((copies[0].journals[device].len() as u64 + 1, 9_003)));
                let append = Append { device, connection: 9, node: 0, value: 3_000, begun, told };
                history.appends.push(append);
                copies.iter_mut().for_each(|copy| copy.journals[device].push(3_000));
                history.counts.push(Count { begun: 9_004, told: Some((50_000, 9_005)), ..count });
            }
            Violation::CopiesDiffer => copies[2].counter += 1,
        }
        true
    }

    #[test]
    fn every_planted_fault_is_found() {
        use Violation::*;
        for fault in [Lost, Doubled, Invented, Reordered, TwoOwners, StateLost, LostUpdate, CopiesDiffer] {
            let mut planted = 0;
            for seed in 0..300 {
                let mut random = fastrand::Rng::with_seed(seed);
                let (mut history, mut copies) = sound(&mut random);
                if plant(fault, &mut random, &mut history, &mut copies) {
                    planted += 1;
                    let found = violations(&history, &copies);
                    assert!(found.contains(&fault), "seed {seed}: {fault:?} was planted, and found is {found:?}");
                }
            }
            assert!(planted > 100, "{fault:?} was planted {planted} times only");
        }
    }

    #[test]
    fn a_count_that_nothing_has_made_durable_may_be_lost_with_its_node() {
        let count = |connection, begun, value| Count {
            device: 0,
            connection,
            node: connection,
            begun,
            told: Some((value, begun + 1)),
        };
        let append = Append { device: 0, connection: 1, node: 1, value: 1, begun: 7, told: Some((1, 8)) };
        let copy = [Copy { journals: vec![vec![1]], counter: 0 }];
        // Node 0 dies between the count and the append, and node 1 goes on from before the count.
        let counts = vec![count(0, 1, 1), count(0, 3, 2), count(1, 9, 2)];
        let history = History { appends: vec![append], counts, ..History::default() };
        assert_eq!(check(&history, &copy), []);
        // Told over the connection of the append, it is durable.
        let counts = [history.counts.clone(), vec![count(1, 5, 2)]].concat();
        assert_eq!(violations(&History { counts, ..history }, &copy), [Violation::StateLost].into());
    }

    #[test]
    fn an_old_owners_write_behind_its_successors_is_found() {
        // The device was told of 1 by its new node before 2 was sent; 3 was sent to the old one before, and heard of never.
        let append = |value, begun, told| Append { device: 0, connection: 0, node: 0, value, begun, told };
        let appends = vec![append(3, 1, None), append(1, 2, Some((1, 3))), append(2, 4, Some((2, 5)))];
        let history = History { appends, ..History::default() };
        let copy = |journal: &[u64]| [Copy { journals: vec![journal.to_vec()], counter: 0 }];
        // It may have happened late: nobody was told otherwise.
        assert_eq!(check(&history, &copy(&[1, 2, 3])), []);
        assert_eq!(violations(&history, &copy(&[3, 1, 2])), [Violation::Reordered].into());
    }
}

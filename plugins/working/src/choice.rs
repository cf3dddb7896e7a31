//! Selects the task of a command. Rule: a named task is preferred to an obvious one; an ambiguous choice is asked back
//! and never guessed; a task is not selected if the text denies something of it.

use phrases::negation;
use phrases::ordinal::Ordinal;
use phrases::task::Verb;
use phrases::wording::strip_fillers;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The members of a task that the selection needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub title: String,
    /// `open`, `doing` or `done`.
    pub status: String,
    #[serde(default)]
    pub owner: Option<String>,
    /// The group of its board.
    #[serde(default)]
    pub group: String,
}

/// The result of a selection.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice<'t> {
    One(&'t Task),
    /// Several tasks match.
    Several(Vec<&'t Task>),
    /// The text names no task.
    Unknown,
    /// The text denies something of the task that it names.
    Denied,
    /// No task is named, and none is obvious.
    Nothing,
}

/// The tasks of a stored board; invalid ones are left out.
pub fn read_board(group: &str, stored: Option<&str>) -> Vec<Task> {
    #[derive(Deserialize)]
    struct Board {
        #[serde(deserialize_with = "tasks")]
        tasks: Vec<Task>,
    }
    fn tasks<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<Task>, D::Error> {
        let values = Vec::<Value>::deserialize(reader)?;
        Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
    }
    let board = stored.and_then(|text| serde_json::from_str::<Board>(text).ok());
    let mut tasks = board.map_or_else(Vec::new, |board| board.tasks);
    for task in &mut tasks {
        group.clone_into(&mut task.group);
    }
    tasks
}

/// Selects the task of a command: by id, title, ordinal, part of a title, or the obvious one. `me`: the id of the
/// device.
pub fn choose<'t>(verb: Verb, target: &str, tasks: &'t [Task], me: &str) -> Choice<'t> {
    let bare = strip_fillers(target);
    if bare.is_empty() {
        return obvious(verb, tasks, me);
    }
    if let Some(choice) = named(target, bare, tasks, false) {
        return choice;
    }
    let mut found = by_part(bare, tasks);
    if found.len() > 1 {
        // Of several, those that the command can change.
        let useful: Vec<&Task> = found.iter().copied().filter(|task| is_useful(verb, task)).collect();
        if !useful.is_empty() {
            found = useful;
        }
    }
    let unclear = || if is_denied(bare, tasks) { Choice::Denied } else { Choice::Unknown };
    one_of(found).unwrap_or_else(unclear)
}

/// The next task to take: the first open one without an owner.
pub fn next(tasks: &[Task]) -> Option<&Task> {
    tasks.iter().find(|task| is_useful(Verb::Assign, task))
}

/// The option that an answer selects; none if the text is no answer.
pub fn choose_answer<'t>(answer: &str, options: &'t [Task]) -> Option<&'t Task> {
    let bare = strip_fillers(answer);
    if bare.is_empty() {
        return None;
    }
    // A refusal such as 不 is not taken as a part of the title 修复不能登录.
    let part = || if negation::is_refusal(answer) { None } else { one_of(by_part(bare, options)) };
    let choice = named(answer, bare, options, true).or_else(part);
    match choice {
        Some(Choice::One(task)) => Some(task),
        _ => None,
    }
}

fn named<'t>(target: &str, bare: &str, tasks: &'t [Task], is_answer: bool) -> Option<Choice<'t>> {
    let is_word = |text: &str| {
        let text = text.to_lowercase();
        text == target || text == bare
    };
    if let Some(task) = tasks.iter().find(|task| is_word(&task.id)) {
        return Some(Choice::One(task));
    }
    let titled: Vec<&Task> = tasks.iter().filter(|task| is_word(&task.title)).collect();
    if let Some(choice) = one_of(titled) {
        return Some(choice);
    }
    let place = Ordinal::parse(bare, is_answer).or_else(|| Ordinal::parse(target, is_answer))?;
    Some(place.index(tasks.len()).map_or(Choice::Unknown, |index| Choice::One(&tasks[index])))
}

/// Tasks whose title contains the text; else those whose title the text contains, without a negation beside it.
fn by_part<'t>(bare: &str, tasks: &'t [Task]) -> Vec<&'t Task> {
    let holding: Vec<&Task> = tasks.iter().filter(|task| task.title.to_lowercase().contains(bare)).collect();
    if !holding.is_empty() {
        return holding;
    }
    tasks.iter().filter(|task| beside(bare, task).is_some_and(|beside| !negation::denies(&beside))).collect()
}

/// True if the text contains titles and there is a negation beside each of them.
fn is_denied(bare: &str, tasks: &[Task]) -> bool {
    let mut beside = tasks.iter().filter_map(|task| beside(bare, task)).peekable();
    beside.peek().is_some() && beside.all(|beside| negation::denies(&beside))
}

/// The text without the title that it contains; none if it does not contain it.
fn beside(bare: &str, task: &Task) -> Option<String> {
    let title = task.title.to_lowercase();
    (title.chars().count() > 1 && bare.contains(&title)).then(|| bare.replacen(&title, " ", 1))
}

fn is_useful(verb: Verb, task: &Task) -> bool {
    match verb {
        Verb::Assign => task.status == "open" && task.owner.is_none(),
        _ => task.status != "done",
    }
}

fn obvious<'t>(verb: Verb, tasks: &'t [Task], me: &str) -> Choice<'t> {
    let is_mine = |task: &&Task| task.status == "doing" && task.owner.as_deref() == Some(me);
    let found = match verb {
        Verb::Assign => tasks.iter().filter(|task| is_useful(verb, task)).collect(),
        _ => match tasks.iter().filter(is_mine).collect::<Vec<_>>() {
            mine if mine.is_empty() => tasks.iter().filter(|task| task.status == "open").collect(),
            mine => mine,
        },
    };
    one_of(found).unwrap_or(Choice::Nothing)
}

fn one_of(mut found: Vec<&Task>) -> Option<Choice<'_>> {
    match found.len() {
        0 => None,
        1 => found.pop().map(Choice::One),
        _ => Some(Choice::Several(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Vec<Task> {
        let stored = r#"{"rev":1,"tasks":[
            {"id":"a1","title":"写报告","status":"open"},
            {"id":"b2","title":"Write tests","status":"doing","owner":"me"},
            {"id":"c3","title":"写测试","status":"open","owner":"you"},
            {"id":7}, 9,
            {"id":"d4","title":"Old","status":"done"}]}"#;
        read_board("g", Some(stored))
    }

    fn chosen(verb: Verb, target: &str) -> String {
        let tasks = board();
        match choose(verb, target, &tasks, "me") {
            Choice::One(task) => task.id.clone(),
            Choice::Several(tasks) => tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>().join("+"),
            Choice::Unknown => "unknown".to_owned(),
            Choice::Denied => "denied".to_owned(),
            Choice::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn m10_by_id_ordinal_or_title() {
        let cases = [
            ("a1", "a1"),
            ("A1", "a1"),
            ("第二个", "b2"),
            ("last", "d4"),
            ("the last one", "d4"),
            ("3", "c3"),
            ("写报告", "a1"),
            ("tests", "b2"),
            ("写", "a1+c3"),
            ("写测试这件事", "c3"),
            ("xyz", "unknown"),
            ("第九个", "unknown"),
            ("写报告还没做完，", "denied"),
            ("我不觉得write tests", "denied"),
            ("the tests are not ready, so xyz", "unknown"),
        ];
        for (target, expected) in cases {
            assert_eq!(chosen(Verb::Complete, &target.to_lowercase()), expected, "{target}");
        }
    }

    #[test]
    fn m10_else_the_obvious_one() {
        assert_eq!(chosen(Verb::Assign, ""), "a1");
        assert_eq!(chosen(Verb::Complete, "这个任务"), "b2");
        assert_eq!(choose(Verb::Complete, "", &board()[..1], "me"), Choice::One(&board()[0]));
        assert_eq!(choose(Verb::Assign, "", &board()[1..], "me"), Choice::Nothing);
        let two = [board()[0].clone(), Task { id: "z".into(), ..board()[0].clone() }];
        assert!(matches!(choose(Verb::Assign, "", &two, "me"), Choice::Several(found) if found.len() == 2));
    }

    #[test]
    fn m10_answers_choose_among_the_options() {
        let options = board();
        for (answer, id) in [("2", "b2"), ("二", "b2"), ("第一个", "a1"), ("write tests", "b2"), ("最后一个", "d4")]
        {
            assert_eq!(choose_answer(answer, &options).map(|task| task.id.as_str()), Some(id), "{answer}");
        }
        for answer in ["今天天气", "不是写报告", "不要第一个", "not write tests", "写报告不用了"] {
            assert_eq!(choose_answer(answer, &options), None, "{answer}");
        }
    }

    #[test]
    fn m10_a_title_may_have_negative_words_of_its_own() {
        let stored = r#"{"tasks":[{"id":"e5","title":"修复不能登录"},{"id":"f6","title":"登录不了"},
            {"id":"g7","title":"No-show fees"}]}"#
            .replace("\"}", "\",\"status\":\"open\"}");
        let tasks = read_board("g", Some(&stored));
        for (target, id) in [
            ("把修复不能登录", "e5"),
            ("修复不能登录这件事", "e5"),
            ("不能登录", "e5"),
            ("把登录不了", "f6"),
            ("the no-show fees", "g7"),
        ] {
            let found = choose(Verb::Complete, target, &tasks, "me");
            assert!(matches!(found, Choice::One(task) if task.id == id), "{target}: {found:?}");
            assert_eq!(choose_answer(target, &tasks).map(|task| task.id.as_str()), Some(id), "{target}");
        }
        for refusal in ["不", "不要", "还没", "no"] {
            assert_eq!(choose_answer(refusal, &tasks), None, "{refusal}");
        }
        assert_eq!(choose(Verb::Complete, "修复不能登录还没好", &tasks, "me"), Choice::Denied);
    }
}

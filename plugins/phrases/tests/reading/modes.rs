//! What the library makes of an utterance. Rule: an utterance is read as the mode reads it in which it is
//! said, with the phrases that are configured by default.

use phrases::Verdict;
use phrases::begin::Named;
use phrases::ending::of_meeting;
use phrases::task::{self, ExtraPhrases, Verb};
use phrases::wish::{Scene, Wish};

const END_PHRASES: [&str; 7] =
    ["结束会议", "会议结束", "退出会议", "散会", "end the meeting", "end this meeting", "finish the meeting"];

/// What is read, by the words of the corpora.
pub fn read(mode: &str, said: &str) -> Verdict<String> {
    match mode {
        "meeting" => of_meeting(said, &END_PHRASES).map(|()| "end".to_owned()),
        "working" => task::read(said, &ExtraPhrases::default()).map(|command| named(command.verb)).or(|| {
            let cancels = task::answer::is_cancel(said);
            let chosen = task::answer::chosen(said);
            let is_place = |text: &str, bare| phrases::ordinal::Place::read(text, bare).is_some();
            let chooses = is_place(phrases::wording::peel(&chosen), false)
                || is_place(chosen.strip_prefix("number ").unwrap_or(&chosen), true);
            match (cancels, chooses) {
                (true, _) => Verdict::Command("cancel".to_owned()),
                (_, true) => Verdict::Command("choose".to_owned()),
                _ => wish(said, true),
            }
        }),
        _ => wish(said, false),
    }
}

fn named(verb: Verb) -> String {
    let name = match verb {
        Verb::Assign => "assign",
        Verb::Complete => "done",
        Verb::Refresh => "refresh",
        Verb::Next => "next",
    };
    name.to_owned()
}

fn wish(said: &str, running: bool) -> Verdict<String> {
    let modes = vec![
        Named::new("coding", &["编程模式", "进入编程模式", "coding mode", "start coding"]),
        Named::new(
            "meeting",
            &["开始会议", "会议模式", "进入会议模式", "start a meeting", "start the meeting", "meeting mode"],
        ),
        Named::new("working", &["进入工作模式", "开始工作", "工作模式", "start working", "working mode"]),
        Named::new("workflow", &["工作流模式", "workflow mode"]),
        Named::new("peers", &["对讲模式", "intercom mode"]),
    ];
    let scene = Scene { modes, running, names: Vec::new() };
    scene.read(said).map(|wish| match wish {
        Wish::Start(mode) => mode,
        Wish::Leave => "leave".to_owned(),
        Wish::Exit => (if running { "leave" } else { "farewell" }).to_owned(),
        Wish::Part => "farewell".to_owned(),
        Wish::Stop => "stop".to_owned(),
        Wish::Forget => "forget".to_owned(),
    })
}

//! Reads an utterance as the modes do. Rule: an utterance is read in its mode, with the default phrases.

use phrases::Verdict;
use phrases::begin::ModePhrases;
use phrases::ending::ends_meeting;
use phrases::mode_command::{ModeCommand, ModeContext};
use phrases::task::{self, ExtraPhrases, Verb};

const END_PHRASES: [&str; 7] =
    ["结束会议", "会议结束", "退出会议", "散会", "end the meeting", "end this meeting", "finish the meeting"];

/// The verdict, with the command names of the corpora.
pub fn read(mode: &str, utterance: &str) -> Verdict<String> {
    match mode {
        "meeting" => ends_meeting(utterance, &END_PHRASES).map(|()| "end".to_owned()),
        "working" => task::read(utterance, &ExtraPhrases::default()).map(|command| verb_name(command.verb)).or(|| {
            let cancels = task::answer::is_cancel(utterance);
            let chosen = task::answer::chosen_option(utterance);
            let is_ordinal = |text: &str, bare| phrases::ordinal::Ordinal::parse(text, bare).is_some();
            let chooses = is_ordinal(phrases::wording::strip_fillers(&chosen), false)
                || is_ordinal(chosen.strip_prefix("number ").unwrap_or(&chosen), true);
            match (cancels, chooses) {
                (true, _) => Verdict::Command("cancel".to_owned()),
                (_, true) => Verdict::Command("choose".to_owned()),
                _ => mode_command(utterance, true),
            }
        }),
        _ => mode_command(utterance, false),
    }
}

fn verb_name(verb: Verb) -> String {
    let name = match verb {
        Verb::Assign => "assign",
        Verb::Complete => "done",
        Verb::Refresh => "refresh",
        Verb::Next => "next",
    };
    name.to_owned()
}

fn mode_command(utterance: &str, running: bool) -> Verdict<String> {
    let modes = vec![
        ModePhrases::new("coding", &["编程模式", "进入编程模式", "coding mode", "start coding"]),
        ModePhrases::new(
            "meeting",
            &["开始会议", "会议模式", "进入会议模式", "start a meeting", "start the meeting", "meeting mode"],
        ),
        ModePhrases::new("working", &["进入工作模式", "开始工作", "工作模式", "start working", "working mode"]),
        ModePhrases::new("workflow", &["工作流模式", "workflow mode"]),
        ModePhrases::new("peers", &["对讲模式", "intercom mode"]),
    ];
    let scene = ModeContext { modes, mode_is_running: running, device_names: Vec::new() };
    scene.read(utterance).map(|command| match command {
        ModeCommand::Start(mode) => mode,
        ModeCommand::Leave => "leave".to_owned(),
        ModeCommand::Exit => (if running { "leave" } else { "farewell" }).to_owned(),
        ModeCommand::Farewell => "farewell".to_owned(),
        ModeCommand::StopSpeaking => "stop".to_owned(),
        ModeCommand::Forget => "forget".to_owned(),
    })
}

//! Working: task board commands by voice. Rule: it executes a few exact commands and declines everything else; it
//! changes no board itself but dispatches workflow messages.
//!
//! # Layout
//! - [`command`]: a command; its phrases are matched by the crate `phrases`
//! - [`choice`]: selects the task

pub mod choice;
pub mod command;

use std::time::Duration;

use modehost_sdk::{
    Cx, Describe, Document, EndReason, Language, Migrated, Mode, Outcome, Reply, Start, Transcript, VoicePolicy,
};
use phrases::task::answer::{chosen_option, is_cancel, is_no, is_yes};
use phrases::task::{ExtraPhrases, Verb};
use phrases::wording::strip_fillers;
use serde::{Deserialize, Serialize};

use crate::choice::{Choice, Task, choose, choose_answer, next, read_board};
use crate::command::{Command, Doubt};

modehost_sdk::register!(Working);

/// Alarm that drops the open question.
const QUESTION: &str = "question";
/// Maximum number of boards that a command reads.
const BOARDS: usize = 4;
/// Maximum number of options read out; nobody remembers a longer list.
const SPOKEN_OPTIONS: usize = 6;
/// Maximum number of options that an answer can select.
const OPTIONS: usize = 20;
/// Maximum number of commands whose boards are read at the same time.
const LOOKUPS: usize = 8;

/// The section `working` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    pub extra_phrases: ExtraPhrases,
    /// Time to answer a question, in seconds.
    pub answer_timeout_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { extra_phrases: ExtraPhrases::default(), answer_timeout_s: 30 }
    }
}

/// The state of one session; empty between commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Working {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<Question>,
    /// The language that the mode was started in; none if the mode is not running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

/// A command that waits for the next of its boards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    command: Command,
    /// Index of the current board among the device's groups.
    index: usize,
    /// Tasks of the previous boards.
    tasks: Vec<Task>,
    /// A doubtful command is confirmed before it is executed.
    #[serde(default, skip_serializing_if = "Doubt::is_none")]
    doubt: Doubt,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Question {
    verb: Verb,
    language: Language,
    options: Vec<Task>,
    /// It has one option, and is answered with yes or no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    confirms: bool,
}

impl Mode for Working {
    type Config = Config;
    type Next = Lookup;

    /// 1 kept the lookups and their request ids in the state.
    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn describe() -> Describe {
        Describe::new()
            .mode("working", &[])
            .description(
                "Hands-free work with the board of tasks: takes, finishes and reads out tasks by spoken commands.",
            )
            .phrases(&["进入工作模式", "开始工作", "工作模式", "start working", "working mode"])
            .voice(VoicePolicy::FirstRefusal)
            .config_schema(include_str!("../config.schema.json"))
    }

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        #[derive(Deserialize)]
        struct Before {
            #[serde(default)]
            lookups: Vec<OpenLookup>,
            #[serde(flatten)]
            working: Working,
        }
        #[derive(Deserialize)]
        struct OpenLookup {
            request: u64,
            #[serde(flatten)]
            lookup: Lookup,
        }
        let before: Before = serde_json::from_str(state).map_err(|error| error.to_string())?;
        let migrated = Migrated::from(before.working).alarm(1, QUESTION);
        Ok(before.lookups.into_iter().fold(migrated, |migrated, open| migrated.waiting(open.request, open.lookup)))
    }

    /// Starts listening, so that no utterance needs a wake word.
    fn on_started(&mut self, cx: &mut Cx<'_, Self>, start: Start) -> Outcome {
        if start.mode.is_some() {
            let language = Language::tagged(&start.language);
            cx.say(language.pick("工作模式开始。", "Working mode begins."));
            self.language = Some(language);
            cx.listen_manual();
        }
        Ok(())
    }

    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        // An empty transcript ends a draft: it is neither an answer nor declined to another mode.
        if !transcript.is_final || transcript.text.trim().is_empty() {
            return Ok(());
        }
        if self.take_answer(cx, &transcript.text) {
            return Ok(());
        }
        match Command::read(&transcript.text, &cx.config().extra_phrases) {
            Some((command, doubt)) => self.begin(cx, command, doubt),
            None => cx.decline(),
        }
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, lookup: Lookup, reply: Reply) -> Outcome {
        match reply {
            Reply::Document(document) => self.on_board(cx, lookup, &document),
            _ => {
                let sorry = "任务列表现在读不到，请稍后再试。";
                cx.say(
                    lookup.command.language.pick(sorry, "The task list cannot be read now. Please try again later."),
                );
            }
        }
        Ok(())
    }

    fn on_alarm(&mut self, _cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        if name == QUESTION {
            self.question = None;
        }
        Ok(())
    }

    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        // A board that is read later would be spoken of, or asked about, in another mode.
        cx.cancel(|_| true);
        self.drop_question(cx);
        let is_there = matches!(reason, EndReason::Requested | EndReason::Switched);
        if let Some(language) = self.language.take().filter(|_| is_there) {
            cx.say(language.pick("工作模式结束。", "Working mode has ended."));
        }
        Ok(())
    }
}

impl Working {
    /// Reads the next board of a lookup; executes the command after the last one.
    fn on_board(&mut self, cx: &mut Cx<'_, Self>, mut lookup: Lookup, document: &Document) {
        let groups = &cx.device().groups;
        if let Some(group) = groups.get(lookup.index) {
            lookup.tasks.extend(read_board(group, document.value.as_deref()));
        }
        lookup.index += 1;
        match groups.get(lookup.index).filter(|_| lookup.index < BOARDS) {
            Some(group) => cx.read_document(board_key(group)).then(lookup),
            None => self.decide(cx, &lookup),
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_, Self>, command: Command, doubt: Doubt) {
        // A new command replaces the open question.
        self.drop_question(cx);
        if command.verb == Verb::Refresh {
            // A refresh changes nothing, so a doubt needs no confirmation.
            cx.dispatch(&Ask { r#type: "workflow", event: Verb::Refresh, id: None, group_key: None });
            cx.say(command.language.pick("任务列表已刷新。", "The task list is refreshed."));
            return;
        }
        if cx.waiting().count() >= LOOKUPS {
            cx.say(
                command.language.pick("请稍等，上一个还没处理完。", "One moment, I am still busy with the last one."),
            );
            return;
        }
        let group = cx.device().groups.first().cloned().unwrap_or_default();
        cx.read_document(board_key(&group)).then(Lookup { command, index: 0, tasks: Vec::new(), doubt });
    }

    /// All boards have been read: executes the command, asks for the task, or says that there is none.
    fn decide(&mut self, cx: &mut Cx<'_, Self>, lookup: &Lookup) {
        let Command { verb, target, language } = &lookup.command;
        let (verb, language) = (*verb, *language);
        if verb == Verb::Next {
            return match next(&lookup.tasks) {
                Some(task) => {
                    let title = &task.title;
                    cx.say(language.pick(
                        format!("下一个是“{title}”，要认领吗？"),
                        format!("The next one is \"{title}\". Do you take it?"),
                    ));
                    self.put(cx, Verb::Assign, language, vec![task.clone()], true);
                }
                None => cx.say(language.pick("没有可以认领的任务。", "There is no open task to take.")),
            };
        }
        match choose(verb, target, &lookup.tasks, &cx.device().id) {
            Choice::One(task) if is_asked(lookup, task) => {
                let title = &task.title;
                cx.say(match verb {
                    Verb::Assign => {
                        language.pick(format!("要认领“{title}”吗？"), format!("Do you want to take \"{title}\"?"))
                    }
                    _ => language
                        .pick(format!("要把“{title}”标记为完成吗？"), format!("Shall I mark \"{title}\" as done?")),
                });
                self.put(cx, verb, language, vec![task.clone()], true);
            }
            Choice::One(task) => carry_out(cx, verb, language, task),
            Choice::Several(tasks) => self.ask(cx, verb, language, &tasks),
            Choice::Unknown if lookup.doubt.is_none() => {
                let name = strip_fillers(target);
                cx.say(language.pick(format!("没有找到任务“{name}”。"), format!("I find no task \"{name}\".")));
            }
            // The title is only known once the board has been read; by then the transcript cannot be declined any more.
            Choice::Denied | Choice::Unknown => cx.say(language.pick(
                "听起来不是要我改任务，我什么都没动。",
                "That did not sound like a command, so I have changed nothing.",
            )),
            Choice::Nothing => cx.say(match verb {
                Verb::Assign => language.pick("没有可以认领的任务。", "There is no open task to take."),
                _ => language.pick("没有可以完成的任务。", "There is no task to complete."),
            }),
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_, Self>, verb: Verb, language: Language, tasks: &[&Task]) {
        let spoken = tasks.iter().take(SPOKEN_OPTIONS).enumerate();
        let spoken: Vec<String> = spoken.map(|(index, task)| format!("{}. {}", index + 1, task.title)).collect();
        let spoken = spoken.join(" ");
        cx.say(language.pick(format!("哪一个？{spoken}"), format!("Which one? {spoken}")));
        self.put(cx, verb, language, tasks.iter().take(OPTIONS).map(|&task| task.clone()).collect(), false);
    }

    /// Waits for the answer to a question.
    fn put(&mut self, cx: &mut Cx<'_, Self>, verb: Verb, language: Language, options: Vec<Task>, confirms: bool) {
        cx.start_alarm(QUESTION, Duration::from_secs(cx.config().answer_timeout_s));
        self.question = Some(Question { verb, language, options, confirms });
    }

    /// Executes the answer to the open question; false if the text is no answer.
    fn take_answer(&mut self, cx: &mut Cx<'_, Self>, said: &str) -> bool {
        let Some(question) = &self.question else {
            return false;
        };
        let answer = chosen_option(said);
        let confirms = question.confirms;
        if is_cancel(said) || (confirms && is_no(said)) {
            cx.say(question.language.pick("好的，已取消。", "All right, cancelled."));
        } else if let Some(task) = question.options.first().filter(|_| confirms && is_yes(said)) {
            carry_out(cx, question.verb, question.language, task);
        } else if let Some(task) = choose_answer(&answer, &question.options) {
            carry_out(cx, question.verb, question.language, task);
        } else {
            return false;
        }
        self.drop_question(cx);
        true
    }

    fn drop_question(&mut self, cx: &mut Cx<'_, Self>) {
        if self.question.take().is_some() {
            cx.stop_alarm(QUESTION);
        }
    }
}

/// True if the command has to be confirmed for this task.
fn is_asked(lookup: &Lookup, task: &Task) -> bool {
    let title = task.title.to_lowercase();
    let is_named = lookup.command.target == title || strip_fillers(&lookup.command.target) == title;
    match lookup.doubt {
        Doubt::None => false,
        Doubt::Title => !is_named,
        Doubt::Form => true,
    }
}

/// A workflow message on behalf of the device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ask<'a> {
    r#type: &'static str,
    event: Verb,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Only if it is not the device's first group.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_key: Option<&'a str>,
}

fn carry_out(cx: &mut Cx<'_, Working>, verb: Verb, language: Language, task: &Task) {
    let title = &task.title;
    if verb == Verb::Complete && task.status == "done" {
        cx.say(language.pick(format!("“{title}”已经完成了。"), format!("\"{title}\" is done already.")));
        return;
    }
    let is_home = cx.device().groups.first() == Some(&task.group);
    let group_key = (!is_home).then_some(task.group.as_str());
    cx.dispatch(&Ask { r#type: "workflow", event: verb, id: Some(&task.id), group_key });
    cx.say(match verb {
        Verb::Assign => language.pick(format!("好的，“{title}”归你了。"), format!("All right, \"{title}\" is yours.")),
        _ => language.pick(format!("好的，“{title}”已完成。"), format!("All right, \"{title}\" is done.")),
    });
}

fn board_key(group: &str) -> String {
    format!("workflow/board/{group}")
}

//! A turn, from its transcript to the end of its answer. Rule: at most one turn is open, and whatever ends it (its last
//! sentence, a failure, an abort, the next turn) also ends its speech.

use std::rc::Rc;
use std::time::Duration;

use modehost_sdk::{Cx, Failure, Language, ModelDone, ModelForm, ModelQuestion, Tool, ToolCall};
use phrases::Verdict;
use serde::{Deserialize, Serialize};

use crate::emotion::Face;
use crate::memory::{Exchange, cut};
use crate::rules::{Answer, answer};
use crate::sentences::{Cutter, Piece};
use crate::tools::list_tools;
use crate::{Conversation, FILLER, GATHER, Next, prompt, wording};

/// Time that a turn waits for the stored dialogue and the tool list of the device. Then it continues without them: an
/// incomplete answer is better than none.
const GATHERING: Duration = Duration::from_millis(1500);
/// The same after the device has been too slow once: the host may have the list by then, but no later turn should wait
/// so long again.
const GATHERING_AGAIN: Duration = Duration::from_millis(150);

/// A turn that is being answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The final transcript.
    pub user: String,
    /// Unix ms.
    pub at: u64,
    pub language: Language,
    pub stage: Stage,
    /// Tools offered to the model. Shared with the copy that the SDK makes before each event.
    pub tools: Rc<Vec<Tool>>,
    /// Tool calls and their results.
    #[serde(default)]
    pub rounds: Vec<Round>,
    pub cutter: Cutter,
    /// The part of the answer that has been passed to speech output, as the model wrote it.
    pub given: String,
    /// Number of pieces spoken.
    pub spoken: u32,
    /// The device is in the speaking state for this turn.
    pub speaking: bool,
    /// The notice about omitted code has been spoken.
    pub code_told: bool,
}

/// The pending requests of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// The dialogue from the storage and the tool list of the device; true if it is pending.
    Gathering { memory: bool, tools: bool },
    /// The model. `heard`: a chunk of its answer has arrived.
    Asking { heard: bool },
    /// Tool calls: those of the last round without a result.
    Calling,
}

/// What a turn waits for before it asks the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Memory,
    Tools,
}

/// Tools that the model called in one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The text beside the calls.
    pub content: String,
    pub calls: Vec<ToolCall>,
    /// Result of each call, in the same order; none while it is pending.
    pub results: Vec<Option<String>>,
}

/// Pieces of an answer, prepared for output.
#[derive(Default)]
struct Given {
    face: Option<Face>,
    texts: Vec<String>,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Interrupted,
    /// No model is available; the answers of rules are not remembered.
    Forgotten,
}

impl Conversation {
    /// Starts a turn: requests the dialogue and the tools.
    pub(crate) fn begin(&mut self, cx: &mut Cx<'_, Self>, user: &str) {
        let memory = self.load(cx);
        let tools = cx.config().tools;
        if tools {
            list_tools(cx);
        }
        let turn = Turn {
            user: cut(user, cx.config().max_turn_chars),
            at: cx.now(),
            language: Language::of(user),
            stage: Stage::Gathering { memory, tools },
            tools: Rc::default(),
            rounds: Vec::new(),
            cutter: Cutter::default(),
            given: String::new(),
            spoken: 0,
            speaking: false,
            code_told: false,
        };
        self.turn = Some(turn);
        if memory || tools {
            cx.start_alarm(GATHER, if self.listing.late { GATHERING_AGAIN } else { GATHERING });
        }
        self.ask_when_ready(cx);
    }

    /// One of the requests has ended, with or without a result.
    pub(crate) fn gathered(&mut self, cx: &mut Cx<'_, Self>, wanted: Wanted) {
        if let Some(Turn { stage: Stage::Gathering { memory, tools }, .. }) = &mut self.turn {
            match wanted {
                Wanted::Memory => *memory = false,
                Wanted::Tools => *tools = false,
            }
            self.ask_when_ready(cx);
        }
    }

    /// The time to wait is over.
    pub(crate) fn gather_no_more(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(Turn { stage: Stage::Gathering { memory, tools }, .. }) = &mut self.turn {
            // Replies that arrive later serve the next turn.
            *memory = false;
            self.listing.late |= std::mem::take(tools);
            self.ask_when_ready(cx);
        }
    }

    fn ask_when_ready(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(Turn { stage: Stage::Gathering { memory: false, tools: false }, .. }) = &self.turn {
            cx.stop_alarm(GATHER);
            self.offer_own(cx);
            self.ask(cx);
        }
    }

    /// Asks the model with everything that is known so far.
    pub(crate) fn ask(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(turn) = &self.turn else { return };
        let doubt = match self.intent(cx, &turn.user) {
            Verdict::Doubt(intent) => Some(intent),
            _ => None,
        };
        let Some(turn) = &mut self.turn else { return };
        let messages = prompt::messages(cx, &self.memory.dialogue, self.mode.as_deref(), turn, doubt.as_ref());
        let tools = if turn.has_called_enough(cx.config()) { Vec::new() } else { turn.tools.to_vec() };
        let max_tokens = cx.config().answer_tokens;
        let form = ModelForm::Chunks;
        cx.ask(ModelQuestion { purpose: "chat", messages, max_tokens, form, spoken: true, tools }).then(Next::Answer);
        turn.stage = Stage::Asking { heard: false };
    }

    /// A chunk of the answer.
    pub(crate) fn hear(&mut self, cx: &mut Cx<'_, Self>, text: &str) {
        let Some(turn) = &mut self.turn else { return };
        match &mut turn.stage {
            Stage::Asking { heard } => *heard = true,
            _ => return,
        }
        let pieces = turn.cutter.push(text);
        let given = turn.give(cx, pieces);
        turn.say_more(cx, given);
        if turn.is_full(cx) {
            cx.cancel(|next| *next == Next::Answer);
            self.end_turn(cx, End::Complete);
        }
    }

    /// The model has finished: speaks the rest, or calls the tools.
    pub(crate) fn answered(&mut self, cx: &mut Cx<'_, Self>, done: ModelDone) {
        let Some(turn) = &mut self.turn else { return };
        let Stage::Asking { heard } = turn.stage else { return };
        let mut pieces = if heard { Vec::new() } else { turn.cutter.push(&done.text) };
        pieces.extend(turn.cutter.finish());
        let mut given = turn.give(cx, pieces);
        if !done.tool_calls.is_empty() {
            turn.say_more(cx, given);
            return self.call_tools(cx, &done.text, done.tool_calls);
        }
        if given.texts.is_empty() && !turn.speaking && turn.given.trim().is_empty() {
            let sentence = wording::nothing_to_say(turn.language);
            turn.given.push_str(sentence);
            given.texts.push(sentence.to_owned());
        }
        // The last sentence ends the answer; a face must precede the end.
        let last = if given.face.is_none() { given.texts.pop() } else { None };
        turn.say_more(cx, given);
        if let Some(last) = last {
            cx.say(last);
            turn.speaking = false;
        }
        self.end_turn(cx, End::Complete);
    }

    /// The model has failed.
    pub(crate) fn unanswered(&mut self, cx: &mut Cx<'_, Self>, reason: Failure) {
        let Some(turn) = &mut self.turn else { return };
        let begun = turn.speaking || !turn.given.trim().is_empty();
        let language = turn.language;
        let missing = matches!(reason, Failure::Unavailable | Failure::Denied | Failure::Unsupported);
        let user = turn.user.clone();
        let doubt = match self.intent(cx, &user) {
            Verdict::Doubt(intent) if missing => wording::unsure(language, &intent, &self.modes(cx)),
            _ => None,
        };
        let modes = self.modes(cx);
        let Some(turn) = &mut self.turn else { return };
        let (sentence, told, end) = if begun {
            (wording::broken_off(language).to_owned(), true, End::Interrupted)
        } else if let Some(question) = doubt {
            (question, false, End::Forgotten)
        } else if missing {
            match answer(&turn.user, cx.now(), cx.config(), &modes) {
                Answer::Known(text) => (text, false, End::Forgotten),
                Answer::Unknown(text) => (text, true, End::Forgotten),
            }
        } else {
            (wording::failure(language, reason).to_owned(), true, End::Complete)
        };
        if told {
            cx.send(&wording::Unavailable::because(reason));
        }
        if !begun {
            // This sentence counts as the answer, so that the next answer does not include this question.
            turn.given.clone_from(&sentence);
        }
        cx.say(sentence);
        turn.speaking = false;
        self.end_turn(cx, end);
    }

    /// Ends the open turn early. `silence`: also stops its speech; otherwise the caller does.
    pub(crate) fn interrupt(&mut self, cx: &mut Cx<'_, Self>, silence: bool) {
        let Some(turn) = &mut self.turn else { return };
        cx.cancel(|next| matches!(next, Next::Answer | Next::Call(_)));
        if turn.speaking && silence {
            cx.silence();
        }
        turn.speaking = false;
        self.end_turn(cx, End::Interrupted);
    }

    /// The device has been silenced: the history keeps what was heard (L.5). `heard`: the heard part of the current
    /// speech; none if there was no speech.
    pub(crate) fn cut_off(&mut self, cx: &mut Cx<'_, Self>, heard: Option<&str>) {
        if let Some(turn) = &mut self.turn {
            turn.given = heard.unwrap_or_default().trim().to_owned();
            self.interrupt(cx, true);
        } else if let (Some(at), Some(heard)) = (self.voiced, heard) {
            // The model had finished long before the speech.
            self.was_heard(cx, at, heard.trim());
        }
        self.voiced = None;
    }

    /// Ends the turn and its speech.
    pub(crate) fn end_turn(&mut self, cx: &mut Cx<'_, Self>, end: End) {
        let Some(turn) = self.turn.take() else { return };
        if turn.speaking {
            cx.end_speech();
        }
        match turn.stage {
            Stage::Gathering { .. } => cx.stop_alarm(GATHER),
            Stage::Calling => cx.stop_alarm(FILLER),
            Stage::Asking { .. } => {}
        }
        let (user, assistant) = (turn.user, turn.given.trim().to_owned());
        // A turn without any heard answer is dropped: otherwise the next answer would include its question.
        let nothing = end == End::Interrupted && assistant.is_empty();
        if end != End::Forgotten && !nothing {
            let interrupted = end == End::Interrupted;
            self.voiced = self.remember(cx, Exchange { at: turn.at, user, assistant, interrupted });
        }
    }
}

impl Turn {
    /// Records pieces as passed on; returns what is to be spoken and shown.
    fn give(&mut self, cx: &Cx<'_, Conversation>, pieces: Vec<Piece>) -> Given {
        let mut given = Given::default();
        for piece in pieces {
            if self.is_full(cx) {
                break;
            }
            if self.given.is_empty() && !piece.code && cx.config().emotions {
                given.face = Face::of(&piece.text);
            }
            self.given.push_str(&piece.text);
            let text = match piece.code {
                true if self.code_told => None,
                true => {
                    self.code_told = true;
                    Some(wording::code_left_out(self.language).to_owned())
                }
                // The host decides what is pronounced; only pieces with letters or digits count.
                false => piece.text.chars().any(char::is_alphanumeric).then(|| piece.text.trim().to_owned()),
            };
            if let Some(text) = text {
                self.spoken += 1;
                given.texts.push(text);
            }
        }
        given
    }

    /// Speaks sentences of an unfinished answer. The face follows the first sentence: then the device is in the
    /// speaking state, as the firmware expects.
    fn say_more(&mut self, cx: &mut Cx<'_, Conversation>, given: Given) {
        let Given { mut face, texts } = given;
        for text in texts {
            cx.say_more(text);
            self.speaking = true;
            face.take().iter().for_each(|face| cx.send(face));
        }
        face.iter().for_each(|face| cx.send(face));
    }

    /// Speaks a sentence of this mode as the end of the answer; it is heard, so it is part of the history (L.5).
    pub(crate) fn say_own(&mut self, cx: &mut Cx<'_, Conversation>, sentence: &'static str) {
        self.given.push_str(sentence);
        cx.say(sentence);
    }

    /// True if the answer has reached its maximum length.
    fn is_full(&self, cx: &Cx<'_, Conversation>) -> bool {
        let config = cx.config();
        // Bytes first, since counting characters for each chunk would be wasted on short answers.
        self.spoken >= config.max_sentences
            || (self.given.len() >= config.max_answer_chars && self.given.chars().count() >= config.max_answer_chars)
    }
}

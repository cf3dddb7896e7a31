//! A device at a terminal. Rule: it only keeps what a person may refer to by a short command: the last board and
//! insight that were shown, the active mode, and the log that is being pasted.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Command, HELP};
use crate::link::{Address, Link, LinkEvent};
use crate::log;
use crate::show::show;
use crate::sound::{Loudspeaker, Outgoing, SpokenFile};

/// Whether to continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    Quit,
}

/// A client on one link, which prints to `out`.
pub struct Client<W> {
    link: Link,
    out: W,
    /// Task ids in the order of the board shown last.
    board: Vec<String>,
    mode: Option<String>,
    /// The log that is being pasted, if any.
    pasted: Option<String>,
    /// Text of the last insight.
    insight: Option<String>,
    /// The file that is being spoken, if any.
    spoken_file: Option<SpokenFile>,
    loudspeaker: Loudspeaker,
}

impl<W: Write> Client<W> {
    /// Connects at the first [`Client::next_event`].
    pub fn new(address: Address, out: W, loudspeaker: Loudspeaker) -> Self {
        let (link, board, spoken_file) = (Link::new(address), Vec::new(), None);
        Self { link, out, board, mode: None, pasted: None, insight: None, spoken_file, loudspeaker }
    }

    /// Waits for the next event, prints it and returns it. Cancel safe: no message is lost.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn next_event(&mut self) -> std::io::Result<LinkEvent> {
        let next_event = loop {
            let Some(spoken_file) = &mut self.spoken_file else { break self.link.next_event().await };
            let next = tokio::select! {
                next_event = self.link.next_event() => break next_event,
                next = spoken_file.next() => next,
            };
            let sent = match next {
                Some(Outgoing::Message(message)) => self.link.send(&message).await,
                Some(Outgoing::Packet(packet)) => self.link.send_sound(packet).await,
                None => {
                    self.spoken_file = None;
                    Ok(())
                }
            };
            if let Err(error) = sent {
                self.spoken_file = None;
                self.print(&format!("{error}; the rest was not said"))?;
            }
        };
        match &next_event {
            LinkEvent::Connected => {}
            LinkEvent::Sound(packet) => self.loudspeaker.play(packet),
            LinkEvent::Disconnected(reason, pause) => {
                self.print(&format!("not connected: {reason}; trying again in {:.1} s", pause.as_secs_f32()))?;
            }
            LinkEvent::Message(message) => {
                self.update_state(message);
                if message["type"] == "tts" && message["state"] == "stop" {
                    self.save_sound()?;
                }
                if let Some(lines) = show(message).and_then(|lines| self.without_repeats(message, lines)) {
                    self.print(&lines)?;
                }
            }
        }
        Ok(next_event)
    }

    /// Prints a line.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn print(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn save_sound(&mut self) -> std::io::Result<()> {
        match self.loudspeaker.save() {
            Ok(Some(length)) if !length.is_zero() => {
                self.print(&format!("{:.1} s of speech are in the file", length.as_secs_f32()))
            }
            Ok(_) => Ok(()),
            Err(error) => self.print(&format!("{error:#}")),
        }
    }

    /// Whether typed lines belong to a pasted log.
    pub fn is_pasting(&self) -> bool {
        self.pasted.is_some()
    }

    /// Handles a typed line: executes it, or appends it to the log that is being pasted.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn line(&mut self, line: &str) -> std::io::Result<Flow> {
        if let Some(pasted) = &mut self.pasted {
            if line.trim() != "." {
                pasted.push_str(line);
                pasted.push('\n');
                return Ok(Flow::Continue);
            }
            let text = self.pasted.take().unwrap_or_default();
            return self.run(Command::Log(text)).await;
        }
        match Command::parse(line) {
            Ok(command) => self.run(command).await,
            Err(error) => {
                self.print(&error.to_string())?;
                Ok(Flow::Continue)
            }
        }
    }

    /// Executes a command.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn run(&mut self, command: Command) -> std::io::Result<Flow> {
        let mut messages = Vec::new();
        match command {
            Command::Quit => {
                self.link.close().await;
                return Ok(Flow::Quit);
            }
            Command::Nothing => {}
            Command::Speak(file, listening) => match SpokenFile::file(Path::new(&file), listening) {
                Ok(spoken_file) => self.spoken_file = Some(spoken_file),
                Err(error) => self.print(&format!("{error:#}"))?,
            },
            Command::Help => self.print(HELP)?,
            Command::Paste => {
                self.pasted = Some(String::new());
                self.print("paste the log; a line with a single . ends it")?;
            }
            Command::LogFile(file) => match log::read(&file) {
                Ok((text, is_truncated)) => {
                    if is_truncated {
                        self.print("it is long; its end is sent")?;
                    }
                    messages = log::messages(&text);
                }
                Err(error) => self.print(&format!("cannot read {file}: {error}"))?,
            },
            Command::Log(text) => messages = log::messages(&text),
            Command::End(mode) => match mode.or_else(|| self.mode.clone()) {
                Some(mode) => messages.push(json!({ "type": "mode", "state": "end", "mode": mode })),
                None => {
                    self.print("no mode has begun on this connection; name the one to end, such as /end meeting")?
                }
            },
            Command::Take(task) => {
                messages.push(json!({ "type": "workflow", "event": "assign", "id": self.task(task) }))
            }
            Command::Done(task) => {
                messages.push(json!({ "type": "workflow", "event": "complete", "id": self.task(task) }))
            }
            command => messages.extend(message(command)),
        }
        for message in messages {
            if let Err(error) = self.link.send(&message).await {
                self.print(&format!("{error}; not sent"))?;
                break;
            }
        }
        Ok(Flow::Continue)
    }

    /// Suppresses what is already on the screen: in a meeting each utterance comes back as a snippet, and an insight
    /// often repeats the one before.
    fn without_repeats(&mut self, message: &Value, lines: String) -> Option<String> {
        if message["type"] == "stt" && self.mode.as_deref() == Some("meeting") {
            return None;
        }
        if message["event"] != "insight" {
            return Some(lines);
        }
        let (head, body) = lines.split_once('\n').unwrap_or((&lines, ""));
        if self.insight.replace(body.to_owned()).is_some_and(|last| last == body) {
            return Some(format!("{head}; otherwise as before"));
        }
        Some(lines)
    }

    /// Maps a number of the board to the task's id; anything else is an id already.
    fn task(&self, number_or_id: String) -> String {
        let number = number_or_id.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        number.and_then(|index| self.board.get(index)).cloned().unwrap_or(number_or_id)
    }

    fn update_state(&mut self, message: &Value) {
        let text = |key: &str| message[key].as_str().unwrap_or_default();
        match text("type") {
            "workflow" => {
                if let Some(tasks) = message["tasks"].as_array() {
                    self.board = tasks.iter().map(|task| task["id"].as_str().unwrap_or_default().to_owned()).collect();
                }
            }
            "mode" if text("status") == "ok" => {
                self.mode = Some(text("mode").to_owned()).filter(|_| text("state") == "start");
            }
            _ => {}
        }
    }
}

/// The message of a command that maps to exactly one.
fn message(command: Command) -> Option<Value> {
    Some(match command {
        Command::Say(text) => json!({ "type": "listen", "state": "detect", "text": text }),
        Command::Abort => json!({ "type": "abort" }),
        Command::Mode(mode) => json!({ "type": "mode", "state": "start", "mode": mode }),
        Command::Snippet(who, text) => {
            json!({ "type": "meeting", "phase": "snippet", "items": [{ "tag": who, "text": text }] })
        }
        Command::Finalize(Some(title)) => json!({ "type": "meeting", "phase": "finalize", "title": title }),
        Command::Finalize(None) => json!({ "type": "meeting", "phase": "finalize" }),
        Command::Summary => json!({ "type": "meeting", "phase": "summary" }),
        Command::Step(name, ok) => {
            json!({ "type": "coding", "event": "step", "name": name, "status": if ok { "ok" } else { "failed" } })
        }
        Command::Phase(name) => json!({ "type": "coding", "event": "phase", "name": name }),
        Command::Insight => json!({ "type": "coding", "event": "stop" }),
        Command::ClearLog => json!({ "type": "coding", "event": "clear" }),
        Command::AddTask(title) => json!({ "type": "workflow", "event": "update", "task": { "title": title } }),
        Command::Tasks => json!({ "type": "workflow", "event": "refresh" }),
        Command::Json(message) => message,
        _ => return None,
    })
}

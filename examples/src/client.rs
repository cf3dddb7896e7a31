//! A device at a terminal. Rule: it keeps only what a person may refer to by a short word: the
//! board and the insight that were shown last, the mode that runs, and the log that is being pasted.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Command, HELP};
use crate::link::{Address, Link, News};
use crate::log;
use crate::show::show;
use crate::sound::{Loudspeaker, Outgoing, Saying};

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    GoOn,
    Quit,
}

/// A client on one link, writing for people to `out`.
pub struct Client<W> {
    link: Link,
    out: W,
    /// Ids of the tasks as they were numbered last.
    board: Vec<String>,
    mode: Option<String>,
    /// The log that is being pasted.
    pasted: Option<String>,
    /// What the last insight said.
    insight: Option<String>,
    /// The file that is being said.
    saying: Option<Saying>,
    loudspeaker: Loudspeaker,
}

impl<W: Write> Client<W> {
    /// Connects at the first [`Client::news`].
    pub fn new(address: Address, out: W, loudspeaker: Loudspeaker) -> Self {
        let (link, board, saying) = (Link::new(address), Vec::new(), None);
        Self { link, out, board, mode: None, pasted: None, insight: None, saying, loudspeaker }
    }

    /// Waits for what happens next, shows it and returns it. Cancelling loses no message.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn news(&mut self) -> std::io::Result<News> {
        let news = loop {
            let Some(saying) = &mut self.saying else { break self.link.news().await };
            let next = tokio::select! {
                news = self.link.news() => break news,
                next = saying.next() => next,
            };
            let sent = match next {
                Some(Outgoing::Message(message)) => self.link.send(&message).await,
                Some(Outgoing::Packet(packet)) => self.link.send_sound(packet).await,
                None => {
                    self.saying = None;
                    Ok(())
                }
            };
            if let Err(error) = sent {
                self.saying = None;
                self.say(&format!("{error}; the rest was not said"))?;
            }
        };
        match &news {
            News::Up => {}
            News::Sound(packet) => self.loudspeaker.play(packet),
            News::Down(reason, pause) => {
                self.say(&format!("not connected: {reason}; trying again in {:.1} s", pause.as_secs_f32()))?;
            }
            News::Message(message) => {
                self.remember(message);
                if message["type"] == "tts" && message["state"] == "stop" {
                    self.save_sound()?;
                }
                if let Some(lines) = show(message).and_then(|lines| self.without_repeats(message, lines)) {
                    self.say(&lines)?;
                }
            }
        }
        Ok(news)
    }

    /// Writes a line for people.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn say(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn save_sound(&mut self) -> std::io::Result<()> {
        match self.loudspeaker.save() {
            Ok(Some(length)) if !length.is_zero() => {
                self.say(&format!("{:.1} s of speech are in the file", length.as_secs_f32()))
            }
            Ok(_) => Ok(()),
            Err(error) => self.say(&format!("{error:#}")),
        }
    }

    /// True while the lines that are typed are those of a log.
    pub fn is_pasting(&self) -> bool {
        self.pasted.is_some()
    }

    /// Does what a typed line means; a line of a log that is being pasted is kept.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn line(&mut self, line: &str) -> std::io::Result<Flow> {
        if let Some(pasted) = &mut self.pasted {
            if line.trim() != "." {
                pasted.push_str(line);
                pasted.push('\n');
                return Ok(Flow::GoOn);
            }
            let text = self.pasted.take().unwrap_or_default();
            return self.run(Command::Log(text)).await;
        }
        match Command::parse(line) {
            Ok(command) => self.run(command).await,
            Err(mistake) => {
                self.say(&mistake.to_string())?;
                Ok(Flow::GoOn)
            }
        }
    }

    /// Does what a command says.
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
            Command::Speak(file, listening) => match Saying::file(Path::new(&file), listening) {
                Ok(saying) => self.saying = Some(saying),
                Err(error) => self.say(&format!("{error:#}"))?,
            },
            Command::Help => self.say(HELP)?,
            Command::Paste => {
                self.pasted = Some(String::new());
                self.say("paste the log; a line with a single . ends it")?;
            }
            Command::LogFile(file) => match log::read(&file) {
                Ok((text, is_cut)) => {
                    if is_cut {
                        self.say("it is long; its end is sent")?;
                    }
                    messages = log::messages(&text);
                }
                Err(error) => self.say(&format!("cannot read {file}: {error}"))?,
            },
            Command::Log(text) => messages = log::messages(&text),
            Command::End(mode) => match mode.or_else(|| self.mode.clone()) {
                Some(mode) => messages.push(json!({ "type": "mode", "state": "end", "mode": mode })),
                None => self.say("no mode has begun on this connection; name the one to end, such as /end meeting")?,
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
                self.say(&format!("{error}; not sent"))?;
                break;
            }
        }
        Ok(Flow::GoOn)
    }

    /// Leaves out what stands on the screen already: what is said in a meeting comes back as a line
    /// of it, and an insight often says the same as the one before.
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

    /// A number of the board becomes the id that stands there.
    fn task(&self, word: String) -> String {
        let number = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        number.and_then(|index| self.board.get(index)).cloned().unwrap_or(word)
    }

    fn remember(&mut self, message: &Value) {
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

/// The message of a command that is one message.
fn message(command: Command) -> Option<Value> {
    Some(match command {
        Command::Say(text) => json!({ "type": "listen", "state": "detect", "text": text }),
        Command::Abort => json!({ "type": "abort" }),
        Command::Mode(mode) => json!({ "type": "mode", "state": "start", "mode": mode }),
        Command::SaidBy(who, text) => {
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

//! A device at a terminal. Rule: it keeps only what a person may refer to by a short word: the
//! board that was shown last, and the mode that runs.

use std::io::Write;

use serde_json::{Value, json};

use crate::command::{Command, HELP};
use crate::link::{Address, Link, News};
use crate::show::show;

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
}

impl<W: Write> Client<W> {
    /// Connects at the first [`Client::news`].
    pub fn new(address: Address, out: W) -> Self {
        Self { link: Link::new(address), out, board: Vec::new(), mode: None }
    }

    /// Waits for what happens next, shows it and returns it. Cancelling loses no message.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn news(&mut self) -> std::io::Result<News> {
        let news = self.link.news().await;
        match &news {
            News::Up => {}
            News::Down(reason, pause) => {
                self.say(&format!("not connected: {reason}; trying again in {:.1} s", pause.as_secs_f32()))?;
            }
            News::Message(message) => {
                self.remember(message);
                if let Some(lines) = show(message) {
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

    /// Does what a line means.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub async fn run(&mut self, command: Command) -> std::io::Result<Flow> {
        let message = match command {
            Command::Quit => {
                self.link.close().await;
                return Ok(Flow::Quit);
            }
            Command::Nothing => return Ok(Flow::GoOn),
            Command::Help => {
                self.say(HELP)?;
                return Ok(Flow::GoOn);
            }
            Command::Say(text) => json!({ "type": "listen", "state": "detect", "text": text }),
            Command::Mode(mode) => json!({ "type": "mode", "state": "start", "mode": mode }),
            Command::End(mode) => match mode.or_else(|| self.mode.clone()) {
                Some(mode) => json!({ "type": "mode", "state": "end", "mode": mode }),
                None => {
                    self.say("you are in no mode")?;
                    return Ok(Flow::GoOn);
                }
            },
            Command::AddTask(title) => json!({ "type": "workflow", "event": "update", "task": { "title": title } }),
            Command::Tasks => json!({ "type": "workflow", "event": "refresh" }),
            Command::Take(task) => json!({ "type": "workflow", "event": "assign", "id": self.task(task) }),
            Command::Done(task) => json!({ "type": "workflow", "event": "complete", "id": self.task(task) }),
            Command::Json(message) => message,
        };
        if let Err(error) = self.link.send(&message).await {
            self.say(&format!("{error}; not sent"))?;
        }
        Ok(Flow::GoOn)
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

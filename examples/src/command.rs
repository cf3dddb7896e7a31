//! Parses typed lines. Rule: parsing needs no connection, so a mistake is reported at once.

use serde_json::Value;

use crate::sound::Listening;

/// Text of `/help`.
pub const HELP: &str = "\
  any text                a typed turn, as if you had said it
  /stop                   silence; the answer breaks off
  /speak FILE             say a WAV file; /speak FILE manual or realtime listens otherwise than auto
  /mode working           begin a mode
  /end                    end the mode you are in; /end meeting names it
 A meeting
  /meeting                begin one; what you type is said in it, until /end
  /as 小王 周五发布         somebody says something
  /finalize 周会           sum it up, under this title if you give one; /summary shows it again
 A build or a test
  /log FILE               have a log looked at
  /paste                  type or paste one; a line with a single . ends it
  /step build failed      a step has ended, ok or failed; /phase NAME begins a phase
  /insight                the last word on it; /clear begins anew
 The shared board
  /task add 写周报         put a task on it
  /tasks                  show it
  /take 1                 make the first task yours (a number of the board, or an id)
  /done 1                 mark it done
 Everything else
  /json {\"type\":\"ping\"}   send any message
  /help, /quit";

/// A parsed line.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Say(String),
    /// A WAV file, and the listening mode while it is sent.
    Speak(String, Listening),
    Abort,
    Mode(String),
    /// The mode to end; `None` for the active one.
    End(Option<String>),
    /// Speaker and text of a meeting snippet.
    Snippet(String, String),
    /// The title, if any.
    Finalize(Option<String>),
    Summary,
    /// Path of a log file.
    LogFile(String),
    /// The following lines are a log.
    Paste,
    /// Contents of a log.
    Log(String),
    /// Name, and whether it succeeded.
    Step(String, bool),
    Phase(String),
    Insight,
    ClearLog,
    AddTask(String),
    Tasks,
    Take(String),
    Done(String),
    Json(Value),
    Help,
    Quit,
    /// An empty line or a comment.
    Nothing,
}

/// Why a line cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("unknown command {0}; /help lists them")]
    Unknown(String),
    #[error("{0} needs {1}")]
    Missing(&'static str, &'static str),
    #[error("not JSON: {0}")]
    NotJson(String),
}

impl Command {
    /// Parses one line.
    ///
    /// # Errors
    /// Says what is wrong, for the person who typed it.
    pub fn parse(line: &str) -> Result<Self, ParseError> {
        let line = line.trim();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let needed =
            |command, what| if rest.is_empty() { Err(ParseError::Missing(command, what)) } else { Ok(rest.to_owned()) };
        Ok(match name {
            "" => Self::Nothing,
            _ if name.starts_with('#') => Self::Nothing,
            "/stop" => Self::Abort,
            "/speak" => {
                let file = needed("/speak", "a WAV file")?;
                match file.rsplit_once(char::is_whitespace) {
                    Some((file, "auto")) => Self::Speak(file.trim().to_owned(), Listening::Auto),
                    Some((file, "manual")) => Self::Speak(file.trim().to_owned(), Listening::Manual),
                    Some((file, "realtime")) => Self::Speak(file.trim().to_owned(), Listening::Realtime),
                    _ => Self::Speak(file, Listening::Auto),
                }
            }
            "/mode" => Self::Mode(needed("/mode", "the name of a mode")?),
            "/meeting" => Self::Mode("meeting".to_owned()),
            "/as" => match rest.split_once(char::is_whitespace) {
                Some((who, text)) => Self::Snippet(who.to_owned(), text.trim().to_owned()),
                None => return Err(ParseError::Missing("/as", "a name and what is said")),
            },
            "/finalize" => Self::Finalize(Some(rest.to_owned()).filter(|title| !title.is_empty())),
            "/summary" => Self::Summary,
            "/log" => Self::LogFile(needed("/log", "a file; /paste takes a log from the terminal")?),
            "/paste" => Self::Paste,
            "/step" => match rest.rsplit_once(char::is_whitespace) {
                Some((name, "ok")) => Self::Step(name.trim().to_owned(), true),
                Some((name, "failed")) => Self::Step(name.trim().to_owned(), false),
                _ => return Err(ParseError::Missing("/step", "a name and `ok` or `failed`")),
            },
            "/phase" => Self::Phase(needed("/phase", "a name")?),
            "/insight" => Self::Insight,
            "/clear" => Self::ClearLog,
            "/end" => Self::End(Some(rest.to_owned()).filter(|mode| !mode.is_empty())),
            "/task" => match rest.strip_prefix("add").map(str::trim) {
                Some(title) if !title.is_empty() => Self::AddTask(title.to_owned()),
                _ => return Err(ParseError::Missing("/task", "`add` and a title")),
            },
            "/tasks" => Self::Tasks,
            "/take" => Self::Take(needed("/take", "a number of the board or an id")?),
            "/done" => Self::Done(needed("/done", "a number of the board or an id")?),
            "/json" => {
                let text = needed("/json", "a message")?;
                Self::Json(serde_json::from_str(&text).map_err(|error| ParseError::NotJson(error.to_string()))?)
            }
            "/help" => Self::Help,
            "/quit" | "/exit" => Self::Quit,
            _ if name.starts_with('/') => return Err(ParseError::Unknown(name.to_owned())),
            _ => Self::Say(line.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        assert_eq!(Command::parse(" 做完了 "), Ok(Command::Say("做完了".into())));
        assert_eq!(Command::parse("/task add 写周报"), Ok(Command::AddTask("写周报".into())));
        assert_eq!(Command::parse("/end"), Ok(Command::End(None)));
        assert_eq!(Command::parse("# a comment"), Ok(Command::Nothing));
        assert!(matches!(Command::parse("/json {"), Err(ParseError::NotJson(_))));
        assert_eq!(Command::parse("/dnoe 1"), Err(ParseError::Unknown("/dnoe".into())));
        assert!(matches!(Command::parse("/task"), Err(ParseError::Missing(..))));
        assert_eq!(Command::parse("/as 小王 周五 发布"), Ok(Command::Snippet("小王".into(), "周五 发布".into())));
        assert_eq!(Command::parse("/step unit tests failed"), Ok(Command::Step("unit tests".into(), false)));
        assert!(matches!(Command::parse("/step unit"), Err(ParseError::Missing(..))));
        assert_eq!(Command::parse("/speak a b.wav"), Ok(Command::Speak("a b.wav".into(), Listening::Auto)));
        assert_eq!(Command::parse("/speak a.wav manual"), Ok(Command::Speak("a.wav".into(), Listening::Manual)));
        assert_eq!(Command::parse("/log my build.log"), Ok(Command::LogFile("my build.log".into())));
    }
}

//! What a typed line means. Rule: parsing needs no connection, so a mistake is told at once.

use serde_json::Value;

/// What `/help` shows.
pub const HELP: &str = "\
  any text                a typed turn, as if you had said it
  /mode working           begin a mode
  /end                    end the mode you are in
  /task add 写周报         put a task on the shared board
  /tasks                  show the board
  /take 1                 make the first task yours (a number of the board, or an id)
  /done 1                 mark it done
  /json {\"type\":\"ping\"}   send any message
  /help, /quit";

/// A line, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Say(String),
    Mode(String),
    /// With the mode to end, or the one that runs.
    End(Option<String>),
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

/// Why a line means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("unknown command {0}; /help lists them")]
    Unknown(String),
    #[error("{0} needs {1}")]
    Missing(&'static str, &'static str),
    #[error("not JSON: {0}")]
    NotJson(String),
}

impl Command {
    /// Understands one line.
    ///
    /// # Errors
    /// With what is wrong, for the person who typed it.
    pub fn parse(line: &str) -> Result<Self, Mistake> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let needed =
            |command, what| if rest.is_empty() { Err(Mistake::Missing(command, what)) } else { Ok(rest.to_owned()) };
        Ok(match word {
            "" => Self::Nothing,
            _ if word.starts_with('#') => Self::Nothing,
            "/mode" => Self::Mode(needed("/mode", "the name of a mode")?),
            "/end" => Self::End(Some(rest.to_owned()).filter(|mode| !mode.is_empty())),
            "/task" => match rest.strip_prefix("add").map(str::trim) {
                Some(title) if !title.is_empty() => Self::AddTask(title.to_owned()),
                _ => return Err(Mistake::Missing("/task", "`add` and a title")),
            },
            "/tasks" => Self::Tasks,
            "/take" => Self::Take(needed("/take", "a number of the board or an id")?),
            "/done" => Self::Done(needed("/done", "a number of the board or an id")?),
            "/json" => {
                let text = needed("/json", "a message")?;
                Self::Json(serde_json::from_str(&text).map_err(|error| Mistake::NotJson(error.to_string()))?)
            }
            "/help" => Self::Help,
            "/quit" | "/exit" => Self::Quit,
            _ if word.starts_with('/') => return Err(Mistake::Unknown(word.to_owned())),
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
        assert!(matches!(Command::parse("/json {"), Err(Mistake::NotJson(_))));
        assert_eq!(Command::parse("/dnoe 1"), Err(Mistake::Unknown("/dnoe".into())));
        assert!(matches!(Command::parse("/task"), Err(Mistake::Missing(..))));
    }
}

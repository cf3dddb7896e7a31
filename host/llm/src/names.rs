//! Tool names that services accept. Rule: two tools never get the same name, and calls come back under the offered
//! name. Names are always sanitised, since most services reject other characters.

use std::collections::HashSet;

use crate::limits;
use modehost_contract::effect::ModelRequest;

/// Pairs of a sent name and the offered name.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    /// Maps names with other characters than letters, digits, `_` and `-`.
    pub(crate) fn plain(request: &ModelRequest) -> Self {
        let called = request.messages.iter().flat_map(|message| &message.tool_calls).map(|call| &call.name);
        let all: Vec<&String> = request.tools.iter().map(|tool| &tool.name).chain(called).collect();
        let mut taken: HashSet<String> = all.iter().filter(|name| is_plain(name)).map(|name| (*name).clone()).collect();
        let mut names: Vec<(String, String)> = Vec::new();
        for name in all {
            if is_plain(name) || names.iter().any(|(_, offered)| offered == name) {
                continue;
            }
            let mut sent: String =
                name.chars().map(|sign| if sign.is_ascii_alphanumeric() || sign == '-' { sign } else { '_' }).collect();
            if !sent.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_') {
                sent.insert(0, '_');
            }
            sent.truncate(limits::MODEL_TOOL_NAME_BYTES);
            let base = sent.clone();
            let mut number = 2_usize;
            while taken.contains(&sent) {
                let suffix = format!("_{number}");
                sent = format!("{}{suffix}", &base[..base.len().min(limits::MODEL_TOOL_NAME_BYTES - suffix.len())]);
                number += 1;
            }
            taken.insert(sent.clone());
            names.push((sent, name.clone()));
        }
        Self(names)
    }

    /// The sent name for an offered one.
    pub(crate) fn sent<'a>(&'a self, offered: &'a str) -> &'a str {
        self.0.iter().find(|(_, known)| known == offered).map_or(offered, |(sent, _)| sent)
    }

    /// The offered name for a sent one. Models vary the names that they were sent: with a dot for `_`, in capitals;
    /// such a variant is accepted if it matches one tool only.
    pub(crate) fn offered<'a>(&'a self, sent: &'a str) -> &'a str {
        if let Some((_, offered)) = self.0.iter().find(|(known, _)| known == sent) {
            return offered;
        }
        let alike = |known: &str| known.chars().map(plain_sign).eq(sent.chars().map(plain_sign));
        let mut meant = self.0.iter().filter(|(known, offered)| alike(known) || alike(offered));
        match (meant.next(), meant.next()) {
            (Some((_, offered)), None) => offered,
            _ => sent,
        }
    }
}

fn plain_sign(sign: char) -> char {
    if sign.is_alphanumeric() { sign.to_ascii_lowercase() } else { '_' }
}

fn is_plain(name: &str) -> bool {
    let signs = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let begins = name.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_');
    signs && begins && name.len() <= limits::MODEL_TOOL_NAME_BYTES
}

#[cfg(test)]
mod tests {
    use modehost_contract::effect::Tool;

    use super::*;

    #[test]
    fn names_are_made_plain_and_found_again() {
        let tool = |name: &str| Tool { name: name.to_owned(), description: String::new(), parameters: String::new() };
        let long = format!("self.{}", "x".repeat(80));
        let offered = ["self.lamp.on", "self_lamp_on", "self lamp on", "灯", "1up", "fine-name", &long];
        let request = ModelRequest {
            request: 1,
            purpose: String::new(),
            messages: Vec::new(),
            max_tokens: 0,
            json: false,
            chunks: false,
            spoken: false,
            tools: offered.iter().map(|name| tool(name)).collect(),
        };
        let names = Names::plain(&request);
        let sent: Vec<&str> = offered.iter().map(|name| names.sent(name)).collect();
        assert_eq!(&sent[..6], ["self_lamp_on_2", "self_lamp_on", "self_lamp_on_3", "_", "_1up", "fine-name"]);
        assert!(sent.iter().all(|name| is_plain(name)), "{sent:?}");
        assert_eq!(sent.iter().collect::<HashSet<_>>().len(), offered.len(), "{sent:?}");
        for (sent, offered) in sent.iter().zip(offered) {
            assert_eq!(names.offered(sent), offered);
        }
        assert_eq!(names.offered("Self.Lamp.On_2"), "self.lamp.on", "as models write it");
        assert_eq!(names.offered("self.lamp-on"), "self.lamp-on", "it could be several");
    }
}

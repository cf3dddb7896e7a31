//! Chooses the change of a request that helps against a rejection. Rule: a rejection has one remedy, and only one that
//! changes the request; a service's message is analysed and never repeated, since it may contain the question.

mod table;

use std::borrow::Cow;

use serde_json::Value;

use crate::client_settings::ClientSettings;
use crate::packet::error_of;
use crate::question::Question;
use crate::remedy::{Plan, Remedy};
use table::{ROWS, RowRemedy};

/// An error response to a request.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// None if the error object came in place of an answer without a status.
    status: Option<u16>,
    /// All its texts, in lower case.
    message: String,
    /// The member that it names in `param`.
    param: Option<String>,
}

/// What to do about a rejection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub remedy: Remedy,
    pub is_guess: bool,
}

/// Words of rejections that no other request would avoid: content filters, unknown models, billing.
const PERMANENT: [&str; 14] = [
    "content_filter",
    "content management policy",
    "content policy",
    "inappropriate content",
    "data_inspection",
    "sensitive",
    "敏感",
    "not exist",
    "not found",
    "invalid model",
    "unknown model",
    "balance",
    "quota",
    "欠费",
];

/// Members that are never dropped.
const NEEDED: [&str; 7] =
    ["model", "messages", "stream", "tools", "max_tokens", "max_completion_tokens", "stream_options"];

impl Rejection {
    /// From an error status and its body.
    pub(crate) fn of_status(status: u16, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        match error_of(&value).or(Some(value).filter(|value| !value.is_null())) {
            Some(error) => Self { status: Some(status), ..Self::reported(&error) },
            None => Self { status: Some(status), message: String::from_utf8_lossy(body).to_lowercase(), param: None },
        }
    }

    /// From an error object in place of an answer.
    pub(crate) fn reported(error: &Value) -> Self {
        let mut message = String::new();
        collect_texts(error, &mut message);
        let param = ["param", "parameter"].iter().find_map(|name| error[*name].as_str());
        let status = ["code", "status", "status_code", "statusCode"].iter().find_map(|name| error[*name].as_u64());
        Self {
            status: status.and_then(|status| status.try_into().ok()).filter(|status| (400..600).contains(status)),
            message: message.to_lowercase(),
            param: param.filter(|param| !param.is_empty()).map(str::to_lowercase),
        }
    }

    /// The change that helps, if one is known. For an unknown message a guess, which is remembered for a short time
    /// only.
    pub(crate) fn advice(&self, question: &Question, settings: &ClientSettings, plan: &Plan) -> Option<Advice> {
        if let Some(remedy) = self.remedy(question, settings, plan) {
            return Some(Advice { remedy, is_guess: false });
        }
        // Tools are the most common problem of small services.
        let about_the_request = matches!(self.status, Some(400 | 422));
        let message = || question.remove_from(&self.message);
        let guess_may_help =
            about_the_request && question.offers_tools(plan) && !PERMANENT.iter().any(|word| message().contains(word));
        guess_may_help.then_some(Advice { remedy: Remedy::NoTools, is_guess: true })
    }

    fn remedy(&self, question: &Question, settings: &ClientSettings, plan: &Plan) -> Option<Remedy> {
        let message = question.remove_from(&self.message);
        let too_large = message.contains("too large") || self.status == Some(413);
        match self.status {
            // Authentication, permissions, billing and rate limits: another request would fail as well.
            Some(401..=403 | 407) => return None,
            // Unless the request alone exceeds the rate limit.
            Some(429) if !too_large => return None,
            _ => {}
        }
        let sent = question.members(settings, plan);
        let if_effective = |remedy: Remedy| {
            let mut changed = plan.clone();
            let applied = changed.apply(remedy.clone());
            (applied && question.members(settings, &changed) != sent).then_some(remedy)
        };
        // A member named in `param` decides, whatever else the message says.
        if let Some(param) = &self.param
            && let Some(member) = sent.keys().find(|member| *member == param && !NEEDED.contains(&member.as_str()))
        {
            return if_effective(Remedy::Drop(Cow::Owned(member.clone())));
        }
        // So does a member name in the message that is marked as one.
        let named = |is_term: fn(&str) -> bool| {
            let mut optional = sent.keys().filter(|member| !NEEDED.contains(&member.as_str()));
            let member = optional.find(|member| names_member(&message, member, is_term(member)))?;
            if_effective(Remedy::Drop(Cow::Owned(member.clone())))
        };
        if let Some(remedy) = named(|_| false) {
            return Some(remedy);
        }
        for row in
            ROWS.iter().filter(|row| row.words.iter().any(|words| words.iter().all(|word| message.contains(word))))
        {
            let remedy = row.remedies.iter().find_map(|remedy| match remedy {
                RowRemedy::By(remedy) => if_effective(remedy.clone()),
                RowRemedy::FewerTokens => if_effective(fewer_tokens(&message, question.tokens(settings, plan)?)?),
            });
            if remedy.is_some() {
                return remedy;
            }
        }
        if self.status == Some(413) {
            return if_effective(Remedy::Shorten);
        }
        named(|member| member.contains('_') || member == "temperature")
    }
}

/// Collects all texts in a value. Some services embed the upstream error as JSON text, which is matched as well.
fn collect_texts(value: &Value, message: &mut String) {
    match value {
        Value::String(text) => {
            message.push_str(text);
            message.push('\n');
        }
        Value::Array(list) => {
            // Paths such as `["body", "max_completion_tokens"]`.
            list.iter().for_each(|value| collect_texts(value, message));
        }
        Value::Object(object) => object.values().for_each(|value| collect_texts(value, message)),
        _ => {}
    }
}

/// Whether a member is named. Unless it `is_term`, its name may be an ordinary word, and must be quoted or introduced
/// as a parameter.
fn names_member(message: &str, member: &str, is_term: bool) -> bool {
    let member = member.to_lowercase();
    message.match_indices(&member).any(|(at, _)| {
        let before = message[..at].chars().next_back();
        let after = message[at + member.len()..].chars().next();
        let part = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        let is_quote = |sign: Option<char>| sign.is_none_or(|sign| "'\"`()[]{}\n".contains(sign));
        let is_quoted = is_quote(before) && is_quote(after);
        let introductions = ["parameter: ", "parameter ", "argument supplied: ", "argument: ", "field: ", "name: "];
        let is_introduced = introductions.iter().any(|words| message[..at].ends_with(words));
        !part(before) && !part(after) && (is_term || is_quoted || is_introduced)
    })
}

/// The token limit that the numbers in the message allow; lower than the requested one.
fn fewer_tokens(message: &str, asked: u32) -> Option<Remedy> {
    /// A lower limit makes no usable answer.
    const LEAST: u32 = 16;
    let found: Vec<(usize, u32)> = numbers(message);
    let behind = |words: &str| {
        let at = message.find(words)? + words.len();
        found.iter().find(|(position, _)| *position >= at).map(|(_, number)| *number)
    };
    let before = |words: &str| {
        let at = message.find(words)?;
        found.iter().rev().find(|(position, _)| *position < at).map(|(_, number)| *number)
    };
    if let Some(context) = behind("maximum context length") {
        let question = ["in the messages", "in your prompt", "input tokens", "prompt tokens", "in the prompt"];
        let used = question.iter().find_map(|words| before(words))?;
        // A margin, since token counts differ slightly.
        let tokens = context.checked_sub(used)?.saturating_sub(8);
        return (LEAST..asked).contains(&tokens).then_some(Remedy::TokenCap { tokens, is_permanent: false });
    }
    let limit = found.iter().map(|(_, number)| *number).filter(|number| (LEAST..asked).contains(number)).max();
    limit.map(|tokens| Remedy::TokenCap { tokens, is_permanent: true })
}

/// Whole numbers, with their byte offsets.
fn numbers(message: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut digits = String::new();
    for (at, sign) in message.char_indices().chain([(message.len(), ' ')]) {
        match sign {
            '0'..='9' => digits.push(sign),
            // A thousands separator, as in 16,384.
            ',' if !digits.is_empty() && message[at + 1..].starts_with(|sign: char| sign.is_ascii_digit()) => {}
            _ => {
                if let Ok(number) = digits.parse() {
                    found.push((at - digits.len(), number));
                }
                digits.clear();
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;

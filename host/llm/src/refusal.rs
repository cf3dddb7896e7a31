//! Which change of a request helps against a refusal. Rule: a refusal has one remedy, and only one that changes
//! what was sent; the words of a service are looked at and never repeated, since they may hold the question.

mod table;

use std::borrow::Cow;

use serde_json::Value;

use crate::client::Terms;
use crate::packet::error_of;
use crate::question::Question;
use crate::remedy::{Plan, Remedy};
use table::{Help, ROWS};

/// What a service says of a request that it does not take.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// None where it stands in place of an answer.
    status: Option<u16>,
    /// All that it says, in lower case.
    said: String,
    /// The member that it names.
    param: Option<String>,
}

/// What to do about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub remedy: Remedy,
    pub is_guess: bool,
}

/// Words of refusals that no other request would change: what was said, the model's name, the bill.
const HOPELESS: [&str; 14] = [
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

/// Members of a request that always stay.
const NEEDED: [&str; 7] =
    ["model", "messages", "stream", "tools", "max_tokens", "max_completion_tokens", "stream_options"];

impl Refusal {
    /// By a status, with the body that came with it.
    pub(crate) fn of_status(status: u16, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        match error_of(&value).or(Some(value).filter(|value| !value.is_null())) {
            Some(error) => Self { status: Some(status), ..Self::reported(&error) },
            None => Self { status: Some(status), said: String::from_utf8_lossy(body).to_lowercase(), param: None },
        }
    }

    /// An error that stands where an answer should.
    pub(crate) fn reported(error: &Value) -> Self {
        let mut said = String::new();
        gather(error, &mut said);
        let param = ["param", "parameter"].iter().find_map(|name| error[*name].as_str());
        let status = ["code", "status", "status_code", "statusCode"].iter().find_map(|name| error[*name].as_u64());
        Self {
            status: status.and_then(|status| status.try_into().ok()).filter(|status| (400..600).contains(status)),
            said: said.to_lowercase(),
            param: param.filter(|param| !param.is_empty()).map(str::to_lowercase),
        }
    }

    /// What is to be changed, if anything is known to help. Where nobody knows the words, a guess that is not
    /// believed for long.
    pub(crate) fn advice(&self, question: &Question, terms: &Terms, plan: &Plan) -> Option<Advice> {
        if let Some(remedy) = self.remedy(question, terms, plan) {
            return Some(Advice { remedy, is_guess: false });
        }
        // Tools are what small services most often stumble over.
        let about_the_request = matches!(self.status, Some(400 | 422));
        let said = || question.remove_from(&self.said);
        let helps =
            about_the_request && question.offers_tools(plan) && !HOPELESS.iter().any(|word| said().contains(word));
        helps.then_some(Advice { remedy: Remedy::NoTools, is_guess: true })
    }

    fn remedy(&self, question: &Question, terms: &Terms, plan: &Plan) -> Option<Remedy> {
        let said = question.remove_from(&self.said);
        let too_large = said.contains("too large") || self.status == Some(413);
        match self.status {
            // Keys, rights, bills and rates: another request would meet the same.
            Some(401..=403 | 407) => return None,
            // Unless it is one that no rate allows.
            Some(429) if !too_large => return None,
            _ => {}
        }
        let sent = question.members(terms, plan);
        let helps = |remedy: Remedy| {
            let mut changed = plan.clone();
            let applied = changed.apply(remedy.clone());
            (applied && question.members(terms, &changed) != sent).then_some(remedy)
        };
        // What names a member by its own means that one, whatever else it says.
        if let Some(param) = &self.param
            && let Some(member) = sent.keys().find(|member| *member == param && !NEEDED.contains(&member.as_str()))
        {
            return helps(Remedy::Drop(Cow::Owned(member.clone())));
        }
        // So does one that is nobody's word.
        let named = |is_term: fn(&str) -> bool| {
            let mut optional = sent.keys().filter(|member| !NEEDED.contains(&member.as_str()));
            let member = optional.find(|member| names(&said, member, is_term(member)))?;
            helps(Remedy::Drop(Cow::Owned(member.clone())))
        };
        if let Some(remedy) = named(|_| false) {
            return Some(remedy);
        }
        for row in ROWS.iter().filter(|row| row.says.iter().any(|words| words.iter().all(|word| said.contains(word)))) {
            let remedy = row.helps.iter().find_map(|help| match help {
                Help::By(remedy) => helps(remedy.clone()),
                Help::FewerTokens => helps(fewer_tokens(&said, question.tokens(terms, plan)?)?),
            });
            if remedy.is_some() {
                return remedy;
            }
        }
        if self.status == Some(413) {
            return helps(Remedy::Shorten);
        }
        named(|member| member.contains('_') || member == "temperature")
    }
}

/// All texts in a value. Some services put the words of those behind them into a text as JSON, which is as good.
fn gather(value: &Value, said: &mut String) {
    match value {
        Value::String(text) => {
            said.push_str(text);
            said.push('\n');
        }
        Value::Array(list) => {
            // `["body", "max_completion_tokens"]`
            list.iter().for_each(|value| gather(value, said));
        }
        Value::Object(object) => object.values().for_each(|value| gather(value, said)),
        _ => {}
    }
}

/// Whether a member is named. Unless it `is_term`, it may be a word of people, and must stand in signs.
fn names(said: &str, member: &str, is_term: bool) -> bool {
    let member = member.to_lowercase();
    said.match_indices(&member).any(|(at, _)| {
        let before = said[..at].chars().next_back();
        let after = said[at + member.len()..].chars().next();
        let part = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        let signs = |sign: Option<char>| sign.is_none_or(|sign| "'\"`()[]{}\n".contains(sign));
        let in_signs = signs(before) && signs(after);
        let told = ["parameter: ", "parameter ", "argument supplied: ", "argument: ", "field: ", "name: "];
        let is_told = told.iter().any(|words| said[..at].ends_with(words));
        !part(before) && !part(after) && (is_term || in_signs || is_told)
    })
}

/// So many tokens as the figures allow; fewer than were asked for.
fn fewer_tokens(said: &str, asked: u32) -> Option<Remedy> {
    /// Fewer make no answer.
    const LEAST: u32 = 16;
    let found: Vec<(usize, u32)> = numbers(said);
    let behind = |words: &str| {
        let at = said.find(words)? + words.len();
        found.iter().find(|(place, _)| *place >= at).map(|(_, number)| *number)
    };
    let before = |words: &str| {
        let at = said.find(words)?;
        found.iter().rev().find(|(place, _)| *place < at).map(|(_, number)| *number)
    };
    if let Some(context) = behind("maximum context length") {
        let question = ["in the messages", "in your prompt", "input tokens", "prompt tokens", "in the prompt"];
        let used = question.iter().find_map(|words| before(words))?;
        // Counts differ by the odd mark.
        let tokens = context.checked_sub(used)?.saturating_sub(8);
        return (LEAST..asked).contains(&tokens).then_some(Remedy::TokenCap { tokens, lasts: false });
    }
    let most = found.iter().map(|(_, number)| *number).filter(|number| (LEAST..asked).contains(number)).max();
    most.map(|tokens| Remedy::TokenCap { tokens, lasts: true })
}

/// Whole numbers, with where they stand.
fn numbers(said: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut digits = String::new();
    for (at, sign) in said.char_indices().chain([(said.len(), ' ')]) {
        match sign {
            '0'..='9' => digits.push(sign),
            // 16,384
            ',' if !digits.is_empty() && said[at + 1..].starts_with(|sign: char| sign.is_ascii_digit()) => {}
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

//! Changes of a request after rejections, and the plan of a question. Rule: each change is made once per question, and
//! only a few; a change is remembered only if it helped.

use std::borrow::Cow;

use crate::limits;

/// A change of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The question is too long: drop its oldest turns. Specific to the question, so never remembered.
    Shorten,
    /// Move the instructions into the first user message.
    SystemIntoUser,
    /// Send the instructions with the role `developer`.
    DeveloperRole,
    /// Merge messages so that user and assistant alternate, after one system message.
    MergeRoles,
    /// Fill empty messages.
    FillContent,
    /// Rewrite tool calls and their results as text.
    CallsAsText,
    /// Use call ids of nine letters and digits.
    CallIds,
    /// Reduce tool schemas to common keywords.
    PlainSchemas,
    /// Offer no tools.
    NoTools,
    /// Limit tokens with `max_completion_tokens`.
    MaxCompletionTokens,
    /// Limit tokens with `max_tokens`, the default.
    MaxTokens,
    /// Send no token limit.
    NoTokenLimit,
    /// Cap the token limit.
    TokenCap {
        tokens: u32,
        /// Valid for the model and remembered; else for this question only.
        is_permanent: bool,
    },
    /// Request a stream, which is collected if the caller wants no chunks.
    Stream,
    /// Request a non-streamed answer.
    Whole,
    /// Omit a member.
    Drop(Cow<'static, str>),
}

impl Remedy {
    /// Whether it is remembered for later questions.
    pub(crate) fn is_permanent(&self) -> bool {
        !matches!(self, Self::Shorten | Self::TokenCap { is_permanent: false, .. })
    }

    /// Whether the two exclude each other.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        use Remedy::{DeveloperRole, MaxCompletionTokens, MaxTokens, Stream, SystemIntoUser, TokenCap, Whole};
        match (self, other) {
            (MaxTokens | MaxCompletionTokens, MaxTokens | MaxCompletionTokens)
            | (Stream | Whole, Stream | Whole)
            | (SystemIntoUser | DeveloperRole, SystemIntoUser | DeveloperRole)
            | (TokenCap { .. }, TokenCap { .. }) => true,
            _ => self == other,
        }
    }

    /// All names but those of omitted members.
    pub(crate) const NAMES: [&str; 15] = [
        "shorten",
        "system_into_user",
        "developer_role",
        "merge_roles",
        "fill_content",
        "calls_as_text",
        "call_ids",
        "plain_schemas",
        "no_tools",
        "max_completion_tokens",
        "max_tokens",
        "no_token_limit",
        "token_cap",
        "stream",
        "whole",
    ];

    /// Metric label and log field; an omitted member was set by the server or its operator.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Shorten => "shorten",
            Self::SystemIntoUser => "system_into_user",
            Self::DeveloperRole => "developer_role",
            Self::MergeRoles => "merge_roles",
            Self::FillContent => "fill_content",
            Self::CallsAsText => "calls_as_text",
            Self::CallIds => "call_ids",
            Self::PlainSchemas => "plain_schemas",
            Self::NoTools => "no_tools",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
            Self::NoTokenLimit => "no_token_limit",
            Self::TokenCap { .. } => "token_cap",
            Self::Stream => "stream",
            Self::Whole => "whole",
            Self::Drop(member) => return format!("without_{member}").into(),
        })
    }
}

/// How a question is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    remedies: Vec<Remedy>,
    /// Remedies of this question, in the order in which they were applied.
    tried: Vec<Remedy>,
    /// Whether one of them was a guess.
    guessed: bool,
    /// How often the oldest turns were dropped.
    shortenings: u32,
    /// The token limit includes a reasoning budget.
    reasoning_budget: bool,
    /// Reasoning is disabled, where the service is known to support that.
    no_reasoning: bool,
}

impl Plan {
    /// From what is remembered about the model.
    pub(crate) fn new(remedies: Vec<Remedy>, reasoning_budget: bool) -> Self {
        Self { remedies, reasoning_budget, ..Self::default() }
    }

    pub(crate) fn has(&self, remedy: &Remedy) -> bool {
        self.remedies.contains(remedy)
    }

    /// The remedies that this question has tried.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &Remedy> {
        self.tried.iter()
    }

    pub(crate) fn remedies(&self) -> impl Iterator<Item = &Remedy> {
        self.remedies.iter()
    }

    /// Applies a remedy; false if this question has tried it or its opposite, or too many.
    pub(crate) fn apply(&mut self, remedy: Remedy) -> bool {
        if remedy == Remedy::Shorten {
            self.shortenings += 1;
            return self.shortenings <= limits::MODEL_SHORTENINGS;
        }
        // A second token cap is allowed, and so is `SystemIntoUser` after `DeveloperRole`.
        let again = |tried: &Remedy| match (&remedy, tried) {
            (Remedy::TokenCap { .. }, tried) => *tried != remedy,
            (Remedy::SystemIntoUser, Remedy::DeveloperRole) => true,
            _ => false,
        };
        let known = self.tried.iter().any(|tried| remedy.replaces(tried) && !again(tried));
        if known || self.tried.len() >= limits::MODEL_REMEDIES as usize {
            return false;
        }
        self.remedies.retain(|other| !remedy.replaces(other));
        self.remedies.push(remedy.clone());
        self.tried.push(remedy);
        true
    }

    /// Records whether the last remedy was a guess.
    pub(crate) fn mark_guess(&mut self, is_guess: bool) {
        self.guessed |= is_guess;
    }

    /// Whether a remedy was a guess, because a rejection was unknown.
    pub(crate) fn has_guessed(&self) -> bool {
        self.guessed
    }

    /// How often the oldest turns were dropped.
    pub(crate) fn shortenings(&self) -> u32 {
        self.shortenings
    }

    pub(crate) fn has_reasoning_budget(&self) -> bool {
        self.reasoning_budget
    }

    pub(crate) fn disables_reasoning(&self) -> bool {
        self.no_reasoning
    }

    /// Adds the reasoning budget, and disables reasoning if there is one already; false if both was done before.
    pub(crate) fn add_reasoning_budget(&mut self) -> bool {
        let more = !self.no_reasoning;
        (self.reasoning_budget, self.no_reasoning) = (true, true);
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Remedy::{
        DeveloperRole, MaxCompletionTokens, MaxTokens, NoTools, Shorten, Stream, SystemIntoUser, TokenCap, Whole,
    };

    #[test]
    fn a_remedy_and_its_opposite_are_tried_once() {
        for (first, second) in [(NoTools, NoTools), (MaxCompletionTokens, MaxTokens), (Stream, Whole), (Whole, Stream)]
        {
            let mut plan = Plan::default();
            assert!(plan.apply(first.clone()) && !plan.apply(second.clone()), "{second:?}");
            assert!(plan.has(&first));
        }
        let mut plan = Plan::default();
        assert!(plan.apply(DeveloperRole) && plan.apply(SystemIntoUser) && !plan.apply(DeveloperRole));
        assert!(plan.has(&SystemIntoUser) && !plan.has(&DeveloperRole));
    }

    #[test]
    fn what_is_remembered_gives_way_to_what_is_found() {
        let mut plan = Plan::new(vec![MaxCompletionTokens, NoTools], false);
        assert!(plan.apply(MaxTokens));
        assert_eq!(plan.remedies().collect::<Vec<_>>(), [&NoTools, &MaxTokens]);
        assert_eq!(plan.tried().collect::<Vec<_>>(), [&MaxTokens]);
    }

    #[test]
    fn a_question_tries_a_few_and_no_more() {
        let mut plan = Plan::default();
        let applied = (0..20).filter(|number| plan.apply(Remedy::Drop(number.to_string().into()))).count();
        assert_eq!(applied, limits::MODEL_REMEDIES as usize);
        let shortened = (0..20).filter(|_| plan.apply(Shorten)).count();
        assert_eq!(shortened, limits::MODEL_SHORTENINGS as usize);
        let mut plan = Plan::default();
        for tokens in [400, 300] {
            assert!(plan.apply(TokenCap { tokens, is_permanent: true }));
        }
        assert!(!plan.apply(TokenCap { tokens: 300, is_permanent: true }));
        assert_eq!(plan.remedies().count(), 1);
    }

    #[test]
    fn a_thinking_budget_is_added_once() {
        let mut plan = Plan::default();
        assert!(
            plan.add_reasoning_budget()
                && plan.has_reasoning_budget()
                && plan.disables_reasoning()
                && !plan.add_reasoning_budget()
        );
    }
}

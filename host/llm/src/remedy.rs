//! What is changed in a request after a refusal, and what has been changed so far. Rule: each change is made
//! once for a question, a few at the most; what a change was good for is remembered only when it helped.

use std::borrow::Cow;

use crate::limits;

/// One change of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The question is too long: its oldest turns go. The question's own, so never remembered.
    Shorten,
    /// The instructions stand in the first message of the user.
    SystemIntoUser,
    /// The instructions are the developer's.
    DeveloperRole,
    /// User and assistant alternate, behind one message of instructions.
    MergeRoles,
    /// No message is without words.
    FillContent,
    /// Calls and their results are told in words.
    CallsAsText,
    /// Ids of calls are nine letters and digits.
    CallIds,
    /// Schemas of tools say types and descriptions only.
    PlainSchemas,
    /// No tools are offered.
    NoTools,
    /// The tokens are limited by `max_completion_tokens`.
    MaxCompletionTokens,
    /// They are limited by `max_tokens`, as they are to begin with.
    MaxTokens,
    /// They are not limited.
    NoTokenLimit,
    /// So many at the most.
    TokenCap {
        tokens: u32,
        /// For this model whatever is asked; else for this question.
        lasts: bool,
    },
    /// The answer is asked for as a stream, and collected where nobody wants pieces.
    Stream,
    /// The answer is asked for as a whole.
    Whole,
    /// A member is left out.
    Drop(Cow<'static, str>),
}

impl Remedy {
    /// Whether the next question is asked so from the start.
    pub(crate) fn lasts(&self) -> bool {
        !matches!(self, Self::Shorten | Self::TokenCap { lasts: false, .. })
    }

    /// Whether the other one is of no use beside it.
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

    /// The names of all but those that leave a member out.
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

    /// A word for metrics and the log; the member that is left out is one that the server or its operator wrote.
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
    /// Those of this question, in the order in which they were found.
    tried: Vec<Remedy>,
    /// One of them was a guess.
    guessed: bool,
    /// How often the oldest turns were dropped.
    shortenings: u32,
    /// There are tokens for thoughts.
    thinking_budget: bool,
    /// The model is asked not to think, where the service is known to take that.
    no_thoughts: bool,
}

impl Plan {
    /// With what is remembered of the model.
    pub(crate) fn new(remedies: Vec<Remedy>, thinking_budget: bool) -> Self {
        Self { remedies, thinking_budget, ..Self::default() }
    }

    pub(crate) fn has(&self, remedy: &Remedy) -> bool {
        self.remedies.contains(remedy)
    }

    /// What this question has tried.
    pub(crate) fn tried(&self) -> impl Iterator<Item = &Remedy> {
        self.tried.iter()
    }

    pub(crate) fn remedies(&self) -> impl Iterator<Item = &Remedy> {
        self.remedies.iter()
    }

    /// Takes a remedy in; false if this question has tried it or its opposite, or enough.
    pub(crate) fn apply(&mut self, remedy: Remedy) -> bool {
        if remedy == Remedy::Shorten {
            self.shortenings += 1;
            return self.shortenings <= limits::MODEL_SHORTENINGS;
        }
        // A second figure, and a step from one way of giving instructions to the last.
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

    /// The last remedy was a guess, or not.
    pub(crate) fn mark_guess(&mut self, is_guess: bool) {
        self.guessed |= is_guess;
    }

    /// Whether nobody knew the words of a refusal.
    pub(crate) fn has_guessed(&self) -> bool {
        self.guessed
    }

    /// How often the oldest turns were dropped.
    pub(crate) fn shortenings(&self) -> u32 {
        self.shortenings
    }

    pub(crate) fn has_thinking_budget(&self) -> bool {
        self.thinking_budget
    }

    pub(crate) fn asks_for_no_thoughts(&self) -> bool {
        self.no_thoughts
    }

    /// Adds tokens for thoughts, or asks for no thoughts where there were some; false if both has been done.
    pub(crate) fn add_thinking_budget(&mut self) -> bool {
        let more = !self.no_thoughts;
        (self.thinking_budget, self.no_thoughts) = (true, true);
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
            assert!(plan.apply(TokenCap { tokens, lasts: true }));
        }
        assert!(!plan.apply(TokenCap { tokens: 300, lasts: true }));
        assert_eq!(plan.remedies().count(), 1);
    }

    #[test]
    fn a_thinking_budget_is_added_once() {
        let mut plan = Plan::default();
        assert!(
            plan.add_thinking_budget()
                && plan.has_thinking_budget()
                && plan.asks_for_no_thoughts()
                && !plan.add_thinking_budget()
        );
    }
}

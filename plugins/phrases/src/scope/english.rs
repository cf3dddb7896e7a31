//! English clauses that restrict a command. Rule: whole words are compared; reporters, times, questions and conditions
//! count.

use super::{Strength, is_short};

#[rustfmt::skip]
const REPORTS: &[&str] = &[
    "said", "says", "say", "saying", "told", "tell", "tells", "telling", "ask", "asked", "asks", "asking", "shouted", "yelled", "wrote", "writes", "heard", "hear", "mentioned", "suggested", "suggests", "announced", "replied", "answered", "called", "claims", "insisted", "goes", "begged", "ordered", "explained", "whispered", "mutters", "warned", "demanded", "thinks", "thought",
];
#[rustfmt::skip]
const METALANGUAGE: &[&str] = &[
    "word", "words", "phrase", "sentence", "means", "mean", "meaning", "spell", "translate", "translation", "pronounce", "button", "command", "commands", "lyrics", "song", "quote", "title", "titled", "movie", "film", "novel", "chapter", "line", "slogan", "typing", "click", "clicked", "pressed", "tapped", "caption", "password", "spelled", "headline",
];
#[rustfmt::skip]
const CONDITIONS: &[&str] = &[
    "if", "unless", "whenever", "when", "whether", "once", "until", "till", "provided", "assuming", "suppose", "supposing", "imagine", "before", "after", "while", "wherever", "although", "though", "unlike", "instead", "except", "without", "in case",
];
#[rustfmt::skip]
const NOTHING_LEFT: &[&str] = &[
    "if there's nothing", "if there is nothing", "if that's all", "if that's everything", "if nobody has", "if no one has", "if you don't mind", "you're ready", "you are ready", "while i", "while we", "as i ", "if you could", "if you would", "if you please", "if that's ok", "if nobody else",
];
#[rustfmt::skip]
const TIMES: &[&str] = &[
    "tomorrow", "tonight", "later", "soon", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "noon", "midnight", "afternoon", "evening", "week", "month", "year", "weekend", "someday", "eventually", "afterwards", "o'clock", "pm", "am", "sometimes", "quarter", "lunchtime", "morning", "hour", "hours", "minute", "minutes", "seconds", "days",
];
#[rustfmt::skip]
const PAST: &[&str] = &[
    "yesterday", "ago", "used", "usually", "always", "often", "every", "never", "once", "then", "eventually", "earlier", "previously", "normally", "typically", "kept", "remember",
];
const OTHERS: &[&str] =
    &["he", "she", "they", "he's", "she's", "they're", "he'll", "she'll", "they'll", "somebody", "someone", "who"];
#[rustfmt::skip]
const HYPOTHETICAL: &[&str] = &[
    "wish", "hope", "hoping", "hopefully", "almost", "nearly", "would", "wouldn't", "should", "shouldn't", "supposed", "maybe", "perhaps", "probably", "might", "may", "pretend", "dreamt", "dreamed", "dream", "wonder", "wondering", "guess", "imagine", "considered", "planning", "planned", "plan", "forgot", "wanted",
];
const DENIALS: &[&str] =
    &["don't", "not", "never", "won't", "can't", "didn't", "cannot", "shouldn't", "wouldn't", "no", "doesn't", "dont"];
/// Words that never end a clause.
#[rustfmt::skip]
const INCOMPLETE_ENDS: &[&str] = &[
    "to", "the", "a", "an", "of", "for", "with", "from", "into", "and", "or", "but", "than", "like", "as", "he", "she", "they", "who", "which", "is", "are", "was", "were", "be", "been", "will", "can", "could", "must", "have", "has", "had", "want", "wants", "need", "needs", "tried", "try", "my", "your", "his", "her", "their", "our", "these", "just", "think", "knew", "saw", "how", "what", "why", "sure", "glad", "afraid", "bet", "go", "goes", "wishing", "called", "named",
];
const QUESTIONS: &[&str] = &["who", "what", "why", "how", "which", "where", "did", "does", "is", "are", "do", "shall"];
const CORRECTIONS: &[&str] = &[
    "never mind",
    "nevermind",
    "just kidding",
    "kidding",
    "no wait",
    "wait",
    "hold on",
    "actually",
    "scratch that",
    "not yet",
    "don't",
    "forget it",
    "i mean",
    "no no",
    "only joking",
    "joking",
    "just joking",
    "cancel that",
    "i'm kidding",
    "i'm joking",
];
/// Beginnings of a predicate about the command itself.
#[rustfmt::skip]
const PREDICATES: &[&str] = &[
    "is", "was", "are", "were", "isn't", "wasn't", "means", "meant", "took", "takes", "failed", "fails", "sounds", "sounded", "seems", "feels", "felt", "has", "had", "does", "did", "doesn't", "didn't", "works", "worked", "came", "comes", "went", "will", "would", "should", "could", "button", "command", "gets", "got",
];

/// Mentions of a story.
pub const STORY_WORDS: &[&str] = &[
    "in the film",
    "in the movie",
    "in the book",
    "in the show",
    "in the game",
    "in a film",
    "in a movie",
    "in my dream",
    "in the story",
    "in the play",
    "in the video",
    "in the episode",
    "in this film",
    "in this movie",
    "in that film",
    "in that movie",
    "in the song",
    "in the series",
];

fn words(clause: &str) -> Vec<&str> {
    clause.split(|by: char| !by.is_ascii_alphanumeric() && by != '\'').filter(|word| !word.is_empty()).collect()
}

/// How a clause before a command restricts it.
pub fn before(clause: &str, is_last: bool) -> Vec<Strength> {
    let words = words(clause);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let mut strengths = Vec::new();
    if has(METALANGUAGE) {
        strengths.push(Strength::Any);
    }
    let last = words.last().copied().unwrap_or_default();
    let is_about_hearing = [
        "wanna hear",
        "want to hear",
        "hear any",
        "hear no more",
        "can hear",
        "can't hear",
        "like to hear",
        "heard enough",
        "heard you",
        "hear you",
        "hear me",
        "told you",
        "told me so",
        "hear that",
        "heard that",
    ]
    .iter()
    .any(|word| clause.contains(word));
    if has(REPORTS) && !is_about_hearing {
        let told = ["told", "tell", "ask", "asked", "say", "saying", "shouted", "yelled"];
        let is_open =
            is_last && (REPORTS.contains(&last) || words.len() >= 2 && REPORTS.contains(&words[words.len() - 2]));
        strengths.push(if is_open || has(&told) { Strength::Any } else { Strength::Strong });
    }
    let is_left = NOTHING_LEFT.iter().any(|word| clause.contains(word));
    let begins = words.iter().take(2).any(|word| CONDITIONS.contains(word));
    if has(CONDITIONS) && !is_left {
        // "I can't do it until Monday" does not restrict the command.
        let strength = begins.then_some(if is_last { Strength::Any } else { Strength::Strong });
        strengths.extend(strength);
    }
    if has(HYPOTHETICAL) {
        strengths.push(if is_last { Strength::Strong } else { Strength::Bare });
    }
    if has(PAST) || has_last(&words) {
        strengths.push(Strength::Bare);
    }
    if has(OTHERS) {
        strengths.push(Strength::Weak);
    }
    if QUESTIONS.iter().any(|word| words.first() == Some(word)) {
        strengths.push(Strength::Bare);
    }
    if is_last {
        let has_preposition = ["at", "in", "on", "by", "from", "next", "every", "each", "this", "around"]
            .iter()
            .any(|word| words.first() == Some(word));
        let is_phrase = [
            "in fact",
            "at last",
            "in short",
            "by the way",
            "on that note",
            "at once",
            "in any case",
            "in that case",
            "at long last",
        ]
        .contains(&clause.trim());
        // I am tired.
        let is_me = words.windows(2).any(|pair| pair == ["i", "am"]);
        let is_time = (has(TIMES) && !is_me || has_preposition && !is_phrase) && is_short(clause);
        if is_time || DENIALS.contains(&last) || INCOMPLETE_ENDS.contains(&last) {
            strengths.push(Strength::Any);
        }
        if is_short(clause) && !is_whole(&words) {
            strengths.push(Strength::Bare);
        }
    } else if has(TIMES) {
        strengths.push(Strength::Weak);
    }
    strengths
}

/// True for a complete clause of the speaker, which a command may follow without punctuation.
pub fn is_independent(clause: &str) -> bool {
    let words = words(clause);
    let own = [
        "i",
        "i'm",
        "i've",
        "im",
        "ive",
        "we",
        "we're",
        "we've",
        "it's",
        "that's",
        "everyone",
        "everyone's",
        "everybody",
        "everybody's",
        "ok",
        "okay",
        "hey",
        "hi",
        "sorry",
        "thanks",
        "right",
        "alright",
        "well",
        "oh",
        "yeah",
        "yes",
        "please",
        "could",
        "can",
        "kindly",
        "let",
        "just",
        "go",
    ];
    let says = |word: &&str| {
        word.ends_with("'s")
            || word.ends_with("'re")
            || word.ends_with("'ve")
            || ["is", "are", "was", "has", "have", "got", "just", "went", "came", "looks"].contains(word)
    };
    words.iter().any(says) || words.first().is_some_and(|word| own.contains(word))
}

/// True for a short clause that is a statement, not only a name.
fn is_whole(words: &[&str]) -> bool {
    #[rustfmt::skip]
    const STATEMENT_WORDS: &[&str] = &[
        "i", "we", "it", "that", "thanks", "thank", "sorry", "okay", "ok", "right", "alright", "yes", "yeah", "no", "hi", "hey", "hello", "morning", "oh", "well", "done", "ready", "here", "good", "great", "cool", "nice", "everyone", "everybody", "all", "guys", "folks", "team", "bye", "cheers", "sure", "perfect", "please", "so", "now",
    ];
    words.iter().any(|word| STATEMENT_WORDS.contains(word) || word.contains('\'') || word.ends_with("ed"))
}

/// Last week, last time.
fn has_last(words: &[&str]) -> bool {
    let times = [
        "week",
        "time",
        "night",
        "month",
        "year",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "summer",
        "winter",
    ];
    words.windows(2).any(|pair| pair[0] == "last" && times.contains(&pair[1]))
}

/// Tell me if it's green.
fn asks_to_know(words: &[&str]) -> bool {
    words.windows(2).any(|pair| {
        ["me", "see", "us", "check", "know"].contains(&pair[0])
            && ["if", "whether", "when", "what", "why"].contains(&pair[1])
    })
}

/// Because we are late.
pub fn is_reason(clause: &str) -> bool {
    ["because", "cause", "cuz", "since"].iter().any(|word| words(clause).first() == Some(word))
}

/// True for another request to the device: read them to me.
pub fn is_further_request(clause: &str) -> bool {
    let words = words(clause);
    let told = [
        "read", "tell", "show", "give", "let", "save", "put", "start", "open", "take", "record", "stop", "close",
        "end", "get", "send", "turn", "keep", "list", "check", "see", "write",
    ];
    words.first().is_some_and(|word| told.contains(word))
}

/// How a clause after a command restricts it.
pub fn behind(clause: &str, is_first: bool, command: &str) -> Vec<Strength> {
    let words = words(clause);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let mut strengths = Vec::new();
    if has(METALANGUAGE) || CORRECTIONS.iter().any(|word| clause.starts_with(word)) {
        strengths.push(Strength::Any);
    }
    let is_left = NOTHING_LEFT.iter().any(|word| clause.contains(word)) || asks_to_know(&words);
    if words.iter().take(2).any(|word| CONDITIONS.contains(word)) && !is_left {
        strengths.push(if is_first { Strength::Any } else { Strength::Bare });
    }
    let others_say = has(&["he", "she", "they"]) && has(REPORTS);
    if others_say || has(&["said", "told", "asked"]) && is_first {
        strengths.push(Strength::Any);
    } else if has(REPORTS) && !has(&["tell", "says", "ask"]) {
        strengths.push(Strength::Weak);
    }
    if has(DENIALS) || has(&["dare", "lose", "nobody", "nothing"]) {
        strengths.push(Strength::Weak);
    }
    if words.first() == Some(&"but") || words.first() == Some(&"or") {
        strengths.push(Strength::Any);
    }
    if has(PAST) {
        strengths.push(Strength::Bare);
    }
    let is_farewell = ["bye", "night", "see you", "later", "talk to you"].iter().any(|word| command.contains(word));
    if is_first && !is_farewell {
        // What's the state of the build, is it red?
        let asks = words.get(1).is_some_and(|word| ["it", "we", "they", "everything", "there", "that"].contains(word));
        if words.first().is_some_and(|word| PREDICATES.contains(word)) && !asks {
            strengths.push(Strength::Any);
        }
        if words.first().is_some_and(|word| QUESTIONS.contains(word)) {
            strengths.push(Strength::Bare);
        }
        let begins = words.iter().take(3).any(|word| TIMES.contains(word));
        if begins && is_short(clause) {
            strengths.push(Strength::Any);
        } else if begins
            || words.iter().take(3).any(|word| HYPOTHETICAL.contains(word)) && !clause.contains("would you")
        {
            strengths.push(Strength::Weak);
        }
    }
    strengths
}

//! Detects what must not leave a log: keys, tokens, passwords, addresses of people. Rule: better one word too many is
//! redacted than one too few; this is no complete list.

/// Replaces redacted words.
pub const REDACTED: &str = "[redacted]";

/// Prefixes of well-known kinds of keys.
const PREFIXES: [&str; 30] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "rk_live_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "akia",
    "asia",
    "aiza",
    "ya29.",
    "eyj",
    "npm_",
    "pypi-",
    "hf_",
    "dop_v1_",
    "sg.",
    "shpat_",
    "crates_",
    "whsec_",
    "-----begin",
];

/// Words that introduce a secret when a value follows.
const KEYS: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "credential",
    "authorization",
    "密码",
];

/// Words after which the next word is a secret.
const SECRET_INTRODUCERS: [&str; 3] = ["bearer", "basic", "密码"];

/// Minimum length of the text after a known prefix.
const MIN_KEY_TAIL: usize = 8;
/// Minimum length of letters and digits that may be random.
const MIN_RANDOM: usize = 20;
/// Minimum length of hexadecimal digits that count as a key or digest.
const MIN_HEX: usize = 32;

/// True if any word of the text looks like a secret or the address of a person.
pub fn looks_secret(text: &str) -> bool {
    words(text).any(is_secret_word) || text.split_whitespace().any(names_secret)
}

/// Redacts every word that looks like a secret.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut is_introduced = false;
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            clean.push(' ');
        }
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        if is_introduced || words(word).any(is_secret_word) {
            clean.push_str(REDACTED);
            is_introduced = SECRET_INTRODUCERS.iter().any(|introducer| bare.eq_ignore_ascii_case(introducer));
        } else if names_secret(word) {
            clean.push_str(&word[..word.find(['=', ':']).filter(|_| !word.contains("://")).map_or(0, |at| at + 1)]);
            clean.push_str(REDACTED);
            is_introduced = false;
        } else {
            clean.push_str(word);
            let is_key_with_separator = word.ends_with([':', '=']) && is_key(word);
            is_introduced = is_key_with_separator
                || SECRET_INTRODUCERS.iter().any(|introducer| bare.eq_ignore_ascii_case(introducer));
        }
    }
    clean
}

/// Parts that may each be a key; `:` and `/` are separators, so that paths and URLs are checked by their parts.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "\"'`=,;()[]{}<>/:?&|#".contains(letter))
}

fn is_secret_word(word: &str) -> bool {
    if word.len() < 6 {
        return false;
    }
    let begins = |prefix: &&str| {
        word.len() >= prefix.len() + MIN_KEY_TAIL
            && word.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
            // Ordinary names may begin with `sg.` and the like as well; keys contain digits.
            && word.bytes().any(|byte| byte.is_ascii_digit() || prefix.starts_with('-'))
    };
    PREFIXES.iter().any(begins) || is_mail(word) || runs(word).any(is_random)
}

/// `someone@host.tld`, also as the first part of a URL with a password.
fn is_mail(word: &str) -> bool {
    word.split_once('@').is_some_and(|(who, host)| {
        let top = host.rsplit_once('.').map_or("", |(_, top)| top);
        // A version (`name@v1.8.4`) ends with a number.
        !who.is_empty() && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

/// Longest sequences of letters, digits and the characters of base64.
fn runs(word: &str) -> impl Iterator<Item = &str> {
    word.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '+' | '='))
        .filter(|run| run.len() >= MIN_RANDOM)
}

/// True if letters and digits are mixed as in no name.
fn is_random(run: &str) -> bool {
    let bytes = run.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if run.len() >= MIN_HEX && digits > 3 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let alternations = bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let upper = bytes.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let lower = bytes.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    digits >= 3 && alternations >= 4 && upper >= 3 && lower >= 3
}

/// `password=…` or a URL with a password.
fn names_secret(word: &str) -> bool {
    let user = word.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if user.is_some_and(|host| host.contains('@')) {
        return true;
    }
    word.match_indices(['=', ':']).any(|(at, _)| {
        let key = word[..at].rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-').next();
        let apart = !word[at..].starts_with("::") && !word[..at].ends_with(':');
        apart && word.len() - at > 4 && key.is_some_and(is_key)
    })
}

fn is_key(word: &str) -> bool {
    let word = word.to_lowercase();
    KEYS.iter().any(|key| word.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_blacked_out() {
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
            "wJalrXUtnFEMI7K7MDENGbPxRfi9CY4EXAMPLEKEY",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
            "https://bob:hunter2@registry.example.com/x",
            "ann.lee@example.com",
            "password=hunter2x",
            "DB_PASSWORD:correcthorse",
        ] {
            assert!(looks_secret(secret), "{secret}");
            let clean = redact(&format!("cannot push with {secret} now"));
            assert!(clean.contains(REDACTED) && !clean.contains(secret), "{clean}");
            assert!(clean.starts_with("cannot push with ") && clean.ends_with(" now"), "{clean}");
        }
        assert_eq!(redact("Authorization: Bearer abc"), format!("Authorization: {REDACTED} {REDACTED}"));
    }

    #[test]
    fn names_are_left() {
        for name in [
            "tests/test_orders.py::TestOrders::test_refund_after_30_days",
            "com.example.shop.PaymentServiceIntegrationTest.retriesThreeTimesAfter500",
            "src/components/Button.test.tsx",
            "@babel/plugin-transform-runtime",
            "mycrate::sha256::tests::block_64_bytes",
            "tokenizer::tests::reads_keywords",
            "github.com/stretchr/testify@v1.8.4",
        ] {
            assert!(!looks_secret(name), "{name}");
            assert_eq!(redact(name), name);
        }
    }
}

//! The reason of a failure, by the words of the tool. Rule: a reason is one of a closed list, so that it is described
//! in our own words and nothing of the log is repeated.

use modehost_sdk::Language;
use serde::{Deserialize, Serialize};

/// A reason that can be named in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    Assertion,
    Snapshot,
    NullValue,
    OutOfRange,
    UnknownName,
    UnknownMember,
    TypeMismatch,
    WrongArguments,
    Syntax,
    Borrow,
    Lifetime,
    MissingFile,
    Undefined,
    Duplicate,
    Unused,
    Deprecated,
    Overflow,
    Race,
    Deadlock,
    TimeLimit,
    Refused,
    NameLookup,
    Reset,
    Certificate,
    NotFound,
    Unauthorized,
    RateLimit,
    Conflict,
    Version,
    Style,
    Fixture,
    Panic,
    Killed,
    MissingKey,
    MissingModule,
}

/// Substrings that identify a reason, in lower case; the first match counts.
const SIGNS: [(&str, Reason); 89] = [
    // Before `enotfound`, which it contains.
    ("modulenotfound", Reason::MissingModule),
    ("filenotfound", Reason::MissingFile),
    ("classnotfound", Reason::MissingModule),
    ("no module named", Reason::MissingModule),
    ("data race", Reason::Race),
    ("deadlock", Reason::Deadlock),
    ("snapshot", Reason::Snapshot),
    ("certificate", Reason::Certificate),
    ("cert_", Reason::Certificate),
    ("ssl", Reason::Certificate),
    ("econnrefused", Reason::Refused),
    ("connection refused", Reason::Refused),
    ("enotfound", Reason::NameLookup),
    ("eai_again", Reason::NameLookup),
    ("name resolution", Reason::NameLookup),
    ("resolve host", Reason::NameLookup),
    ("no such host", Reason::NameLookup),
    ("econnreset", Reason::Reset),
    ("connection reset", Reason::Reset),
    ("socket hang up", Reason::Reset),
    ("broken pipe", Reason::Reset),
    ("rate limit", Reason::RateLimit),
    ("toomanyrequests", Reason::RateLimit),
    ("too many requests", Reason::RateLimit),
    ("unauthorized", Reason::Unauthorized),
    ("authentication", Reason::Unauthorized),
    ("access denied", Reason::Unauthorized),
    ("etimedout", Reason::TimeLimit),
    ("timed out", Reason::TimeLimit),
    ("timeout", Reason::TimeLimit),
    ("超时", Reason::TimeLimit),
    ("nullpointer", Reason::NullValue),
    ("nil pointer", Reason::NullValue),
    ("nonetype", Reason::NullValue),
    ("of undefined", Reason::NullValue),
    ("of null", Reason::NullValue),
    ("null reference", Reason::NullValue),
    ("`none` value", Reason::NullValue),
    ("undefined reference", Reason::Undefined),
    ("undefined symbol", Reason::Undefined),
    ("unresolved external", Reason::Undefined),
    ("未定义的引用", Reason::Undefined),
    ("out of range", Reason::OutOfRange),
    ("out of bounds", Reason::OutOfRange),
    ("indexerror", Reason::OutOfRange),
    ("overflow", Reason::Overflow),
    ("fixture", Reason::Fixture),
    ("no such file", Reason::MissingFile),
    ("没有那个文件", Reason::MissingFile),
    ("no field", Reason::UnknownMember),
    ("no method", Reason::UnknownMember),
    ("no member", Reason::UnknownMember),
    ("has no attribute", Reason::UnknownMember),
    ("property '", Reason::UnknownMember),
    ("expected type", Reason::TypeMismatch),
    ("mismatched types", Reason::TypeMismatch),
    ("incompatible type", Reason::TypeMismatch),
    ("not assignable", Reason::TypeMismatch),
    ("cannot be converted", Reason::TypeMismatch),
    ("type mismatch", Reason::TypeMismatch),
    ("cannot use ", Reason::TypeMismatch),
    ("incompatible pointer", Reason::TypeMismatch),
    ("无法转换", Reason::TypeMismatch),
    ("类型不兼容", Reason::TypeMismatch),
    ("invalid conversion", Reason::TypeMismatch),
    ("argument", Reason::WrongArguments),
    ("borrow", Reason::Borrow),
    ("moved value", Reason::Borrow),
    ("does not live long enough", Reason::Lifetime),
    ("lifetime", Reason::Lifetime),
    ("cannot find symbol", Reason::UnknownName),
    ("找不到符号", Reason::UnknownName),
    ("cannot find", Reason::UnknownName),
    ("undeclared", Reason::UnknownName),
    ("未声明", Reason::UnknownName),
    ("not declared", Reason::UnknownName),
    ("undefined:", Reason::UnknownName),
    ("unresolved", Reason::UnknownName),
    ("is not defined", Reason::UnknownName),
    ("undefined name", Reason::UnknownName),
    ("syntax", Reason::Syntax),
    ("unexpected token", Reason::Syntax),
    ("expected ", Reason::Syntax),
    ("期待", Reason::Syntax),
    ("需要", Reason::Syntax),
    ("redefin", Reason::Duplicate),
    ("unused", Reason::Unused),
    ("deprecated", Reason::Deprecated),
    ("peer dep", Reason::Conflict),
];

impl Reason {
    /// The reason in a message of a tool, if there is one.
    pub fn of(message: &str) -> Option<Self> {
        if message.is_empty() {
            return None;
        }
        let message: String = message.chars().take(400).collect::<String>().to_lowercase();
        let find = |text: &str| SIGNS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, reason)| *reason);
        // Something named `timeout` need not be one.
        find(&without_quoted(&message)).or_else(|| find(&message))
    }

    /// The reason of a failed test: compared values in its message are no syntax errors.
    pub fn of_test(message: &str) -> Option<Self> {
        let lower = message.to_lowercase();
        let compares =
            ["assert", "expect", "want", "got ", "!=", "not equal", "断言"].iter().any(|sign| lower.contains(sign));
        match Self::of(message) {
            Some(Self::Syntax | Self::WrongArguments | Self::UnknownName) | None if compares => Some(Self::Assertion),
            // A comparison may mention anything.
            Some(Self::Style | Self::Unused | Self::Deprecated) => None,
            found => found,
        }
    }

    /// The reason by the class of an exception or error.
    pub fn of_class(class: &str) -> Option<Self> {
        let last = class.rsplit(['.', ':']).next().unwrap_or(class);
        Some(match last {
            "AssertionError" | "AssertionFailedError" | "ComparisonFailure" | "ExpectationFailed" => Self::Assertion,
            "ModuleNotFoundError" => Self::MissingModule,
            "KeyError" | "NoSuchElementException" => Self::MissingKey,
            "NullPointerException" => Self::NullValue,
            "IndexError" | "IndexOutOfBoundsException" | "ArrayIndexOutOfBoundsException" | "RangeError" => {
                Self::OutOfRange
            }
            "NameError" | "ReferenceError" => Self::UnknownName,
            "AttributeError" | "NoSuchMethodError" => Self::UnknownMember,
            "SyntaxError" | "IndentationError" => Self::Syntax,
            "FileNotFoundError" | "NoSuchFileException" | "FileNotFoundException" => Self::MissingFile,
            "TimeoutError" | "TimeoutException" | "TestTimedOutException" => Self::TimeLimit,
            "ConnectionRefusedError" | "ConnectException" => Self::Refused,
            "ArithmeticException" | "OverflowError" => Self::Overflow,
            _ => return None,
        })
    }

    /// The text after a colon or a dash.
    pub fn words(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Self::Assertion => ("断言不成立", "an assertion does not hold"),
            Self::Snapshot => ("快照不一致", "the snapshot differs"),
            Self::NullValue => ("用到了空值", "a missing value (null) is used"),
            Self::OutOfRange => ("下标越界", "an index is out of range"),
            Self::UnknownName => ("名称未定义", "the name is not defined"),
            Self::UnknownMember => ("成员不存在", "there is no such member"),
            Self::TypeMismatch => ("类型不匹配", "the types do not match"),
            Self::WrongArguments => ("参数不对", "the arguments are wrong"),
            Self::Syntax => ("语法错误", "the syntax is wrong"),
            Self::Borrow => ("借用或移动冲突", "a borrow or move conflicts"),
            Self::Lifetime => ("生命周期不够长", "a value does not live long enough"),
            Self::MissingFile => ("找不到文件", "a file is missing"),
            Self::Undefined => ("链接时缺少定义", "the linker finds no definition"),
            Self::Duplicate => ("重复定义", "it is defined twice"),
            Self::Unused => ("未使用", "it is never used"),
            Self::Deprecated => ("已弃用", "it is deprecated"),
            Self::Overflow => ("数值溢出", "a number overflows"),
            Self::Race => ("数据竞争", "there is a data race"),
            Self::Deadlock => ("死锁", "there is a deadlock"),
            Self::TimeLimit => ("超过时限", "it took longer than its limit"),
            Self::Refused => ("连接被拒绝", "the connection was refused"),
            Self::NameLookup => ("域名无法解析", "the name could not be resolved"),
            Self::Reset => ("连接中断", "the connection broke off"),
            Self::Certificate => ("证书不被信任", "the certificate is not trusted"),
            Self::NotFound => ("不存在", "there is no such thing"),
            Self::Unauthorized => ("未登录或无权限", "signing in failed"),
            Self::RateLimit => ("请求过于频繁", "the rate limit is used up"),
            Self::Conflict => ("版本要求互相冲突", "the required versions conflict"),
            Self::Version => ("没有符合要求的版本", "no version fits"),
            Self::Style => ("不合规范", "it breaks a style rule"),
            Self::Fixture => ("夹具有误", "a fixture is broken or missing"),
            Self::Panic => ("程序 panic", "the code panicked"),
            Self::MissingKey => ("缺少键", "a key is missing"),
            Self::MissingModule => ("缺少模块", "a module is missing"),
            Self::Killed => ("进程被杀死", "the process was killed"),
        };
        language.pick(chinese, english)
    }
}

/// The message without the text between quotes.
fn without_quoted(message: &str) -> String {
    let mut bare = String::with_capacity(message.len());
    let mut close = None;
    for letter in message.chars() {
        match (close, letter) {
            (Some(end), letter) if letter == end || end == '`' && letter == '\'' => {
                close = None;
                bare.push(letter);
            }
            (Some(_), _) => {}
            (None, letter) => {
                close = match letter {
                    '`' | '"' => Some(letter),
                    '‘' => Some('’'),
                    '“' => Some('”'),
                    // An apostrophe within a word is no quote.
                    '\'' if bare.ends_with(' ') => Some('\''),
                    _ => None,
                };
                bare.push(letter);
            }
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn a_missing_module_is_no_missing_host() {
        assert_eq!(Reason::of("ModuleNotFoundError: No module named 'x'"), Some(Reason::MissingModule));
        assert_eq!(Reason::of("getaddrinfo ENOTFOUND registry"), Some(Reason::NameLookup));
    }

    #[test]
    fn names_are_no_reasons() {
        assert_eq!(Reason::of("‘timeout_ms’未声明(在此函数内第一次使用)"), Some(Reason::UnknownName));
        assert_eq!(Reason::of("request timed out"), Some(Reason::TimeLimit));
        assert_eq!(Reason::of("Property 'depth' does not exist on type 'Leaf'."), Some(Reason::UnknownMember));
    }
}

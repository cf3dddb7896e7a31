//! Entries for lists that would be empty. Rule: that nothing has to be done is said only after a reported success; what
//! was not recognised is called so.

use modehost_sdk::Language;

use crate::log::Log;
use crate::outcome::Outcome;

/// An insight, a risk, an action and a next step.
pub fn fallback(log: &Log, language: Language) -> [String; 4] {
    let lines = log.line_count();
    let clean = log.ledger.signals().is_empty();
    let pick = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
    match log.outcome() {
        Outcome::Success => [
            if log.build() == Some(true) {
                language.pick(
                    format!("构建成功，{lines} 行日志中没有错误。"),
                    format!("The build succeeded; no errors in {lines} lines."),
                )
            } else {
                language.pick(
                    format!("已成功结束，{lines} 行日志中没有错误。"),
                    format!("It ended well; no errors in {lines} lines."),
                )
            },
            pick("日志中看不出风险。", "The log shows no risk."),
            pick("无需处理。", "Nothing has to be done."),
            pick("继续当前的步骤。", "Go on with the current step."),
        ],
        Outcome::Failure => [
            match log.failed_tests() {
                0 => pick("日志说执行失败了，但没有认出原因。", "The log says that it failed; why was not recognised."),
                1 => pick(
                    "有 1 个测试失败，日志中没有认出它的名字。",
                    "One test failed; which one it is was not recognised.",
                ),
                tests => language.pick(
                    format!("有 {tests} 个测试失败，日志中没有认出它们的名字。"),
                    format!("{tests} tests failed; which ones they are was not recognised."),
                ),
            },
            pick("失败的原因尚不明确，影响范围未知。", "Why it failed is not clear yet, and so is how far it reaches."),
            pick(
                "查看日志的结尾，找到第一条失败的信息。",
                "Look at the end of the log and find the first thing that failed.",
            ),
            pick("处理后重跑整个流程。", "Run the whole pipeline again afterwards."),
        ],
        Outcome::Unknown if lines == 0 => [
            pick("还没有日志。", "There is no log yet."),
            pick("还看不出风险。", "No risk can be seen yet."),
            pick("等待日志。", "Wait for the log."),
            pick("继续当前的步骤。", "Go on with the current step."),
        ],
        Outcome::Unknown => [
            if !log.has_unknown_lines() && clean {
                language.pick(
                    format!("{lines} 行日志中暂时没有错误，也还没有结果。"),
                    format!("No errors in {lines} lines so far, and no result yet."),
                )
            } else if !clean {
                language.pick(
                    format!("{lines} 行日志中没有认出错误，也没有认出成功的标志：结果未知。"),
                    format!("Neither an error nor a sign of success was recognised in {lines} lines."),
                )
            } else {
                language.pick(
                    format!("{lines} 行日志中没有认出错误，也没有认出成功的标志：结果未知。"),
                    format!("Nothing recognised in {lines} lines, neither an error nor a sign of success."),
                )
            },
            pick("结果未知，不能当作已经通过。", "How it ends is not known; do not take it for a pass."),
            pick(
                "查看日志的结尾和命令的退出码，确认是否成功。",
                "Look at the end of the log and at the exit code to see whether it went well.",
            ),
            pick("若仍在运行，等它结束。", "If it is still running, wait for its end."),
        ],
    }
}

//! What happened, in one sentence for each signal. Rule: what, where, why and how often, in this order.

use modehost_sdk::Language;

use crate::signal::{Kind, Signal, Tool};

/// The sentence for one signal.
pub fn fact(signal: &Signal, language: Language) -> String {
    let mut text = match language {
        Language::Chinese => chinese(signal),
        Language::English => english(signal),
    };
    if let Some(reason) = signal.reason.filter(|_| reason_adds_something(signal)) {
        text.push_str(language.pick("：", ": "));
        text.push_str(reason.words(language));
    }
    if signal.wavers {
        text.push_str(language.pick("（本次运行中也曾通过：不稳定，flaky）", " (it also passed in this run: flaky)"));
    }
    match (signal.kind, signal.count) {
        (Kind::Lint, _) | (_, 1) => {}
        (_, count) => text.push_str(&language.pick(format!("（共 {count} 次）"), format!(" (seen {count} times)"))),
    }
    text.push_str(language.pick("。", "."));
    text.replace(" （", "（").replace(" ：", "：").replace(" 。", "。")
}

fn is_old_package(signal: &Signal) -> bool {
    signal.tool == Tool::Npm && signal.code.as_deref() == Some("deprecated")
}

/// True if the reason adds anything to the sentence.
fn reason_adds_something(signal: &Signal) -> bool {
    !matches!(
        signal.kind,
        Kind::OutOfMemory | Kind::DiskFull | Kind::ImportError | Kind::Timeout | Kind::MissingCommand
    ) && (signal.kind != Kind::Lint || signal.code.is_none())
}

/// ` (cargo)`, with the code unless the sentence contains it.
fn by(signal: &Signal) -> String {
    let has_code = matches!(signal.kind, Kind::Lint) || signal.kind == Kind::BuildError && !signal.tool.checks_types();
    let code = signal.code.as_deref().filter(|_| !has_code);
    match (signal.tool.name(), code) {
        (Some(name), Some(code)) => format!(" ({name} {code})"),
        (Some(word), None) | (None, Some(word)) => format!(" ({word})"),
        (None, None) => String::new(),
    }
}

fn english(signal: &Signal) -> String {
    let at = signal.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    let code = signal.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let about = signal.subject.as_ref().map(|subject| format!(" `{subject}`")).unwrap_or_default();
    let by = by(signal);
    match signal.kind {
        Kind::FailedTest => format!("Test{about} failed{at}{by}"),
        Kind::ImportError if is_header(signal) => format!("Header or library{about} is missing{at}{by}"),
        Kind::ImportError => format!("Module{about} cannot be found{at}{by}"),
        Kind::OutOfMemory => format!("The process ran out of memory or was killed for it{at}{by}"),
        Kind::DiskFull => format!("The disk is full{by}"),
        Kind::Crash => format!("The program crashed{at}{about}{by}"),
        Kind::MissingCommand if signal.tool == Tool::Npm => format!("package.json has no script{about}{by}"),
        Kind::MissingCommand => format!("The command{about} is not installed or not running{by}"),
        Kind::Dependency => format!("Dependency{about} cannot be resolved{by}"),
        Kind::BuildError if signal.tool.checks_types() => format!("Type error{at}{about}{by}"),
        Kind::BuildError => format!("Build error{code}{at}{about}{by}"),
        Kind::Network => format!("A network call{} failed{by}", about.replace(" `", " to `")),
        Kind::Timeout => format!("Something took longer than its time limit{at}{by}"),
        Kind::Permission => format!("Access{} was denied{by}", about.replace(" `", " to `")),
        Kind::FailedStep if about.is_empty() => format!("A step failed{at}{by}"),
        Kind::FailedStep => format!("Step{about} failed{at}{by}"),
        Kind::OtherError => format!("An error was reported{at}{by}"),
        Kind::Lint if is_old_package(signal) => format!("{} deprecated packages are used{by}", signal.count),
        Kind::Lint => {
            let (count, noun) = (signal.count, if signal.error { "error" } else { "warning" });
            let plural = if count == 1 { "" } else { "s" };
            let first = if count == 1 { at } else { at.replace(" at ", ", first at ") };
            match signal.code {
                Some(_) => format!("Lint rule{code}: {count} {noun}{plural}{first}{by}"),
                None => format!("{count} lint {noun}{plural}{first}{by}"),
            }
        }
        Kind::Flaky => format!("Test{about} is flaky: it failed and then passed on a rerun{at}{by}"),
        Kind::Warning => format!("A warning was reported{at}{by}"),
    }
}

fn chinese(signal: &Signal) -> String {
    let at = signal.place.as_ref().map(|place| format!("（{place}）")).unwrap_or_default();
    let code = signal.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let about = signal.subject.as_ref().map(|subject| format!(" `{subject}` ")).unwrap_or_default();
    let by = signal.tool.name().map(|name| format!("[{name}] ")).unwrap_or_default();
    match signal.kind {
        Kind::FailedTest => format!("{by}测试{about}失败{at}"),
        Kind::ImportError if is_header(signal) => format!("{by}缺少头文件或库{about}{at}"),
        Kind::ImportError => format!("{by}找不到模块{about}{at}"),
        Kind::OutOfMemory => format!("{by}进程内存不足或因此被杀死{at}"),
        Kind::DiskFull => format!("{by}磁盘已满"),
        Kind::Crash => format!("{by}程序崩溃{about}{at}"),
        Kind::MissingCommand if signal.tool == Tool::Npm => format!("{by}package.json 中没有脚本{about}"),
        Kind::MissingCommand => format!("{by}命令{about}未安装或未运行"),
        Kind::Dependency => format!("{by}依赖{about}无法解析{code}"),
        Kind::BuildError if signal.tool.checks_types() => format!("{by}类型错误{code}{about}{at}"),
        Kind::Lint if is_old_package(signal) => format!("{by}用到 {} 个已弃用的包", signal.count),
        Kind::BuildError => format!("{by}构建错误{code}{about}{at}"),
        Kind::Network => format!("{by}网络请求{about}失败"),
        Kind::Timeout => format!("{by}执行超过时限{at}"),
        Kind::Permission => format!("{by}访问{about}被拒绝{code}"),
        Kind::FailedStep => format!("{by}步骤{about}失败{code}{at}"),
        Kind::OtherError => format!("{by}日志报告了错误{code}{at}"),
        Kind::Lint => {
            let noun = if signal.error { "错误" } else { "警告" };
            let at = if signal.count > 1 { at.replace('（', "（首处 ") } else { at };
            format!("{by}{} 处代码检查{noun}{code}{at}", signal.count)
        }
        Kind::Flaky => format!("{by}测试{about}不稳定（flaky）：先失败、重跑后通过{at}"),
        Kind::Warning => format!("{by}日志报告了警告{code}{at}"),
    }
}

pub(super) fn is_header(signal: &Signal) -> bool {
    signal.tool == Tool::Gcc
}

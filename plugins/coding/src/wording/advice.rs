//! What a fault may lead to, what to do about it now, and what to do next. Rule: a step that a person can take; if a
//! tool has a command for it, the command.

use modehost_sdk::Language;

use crate::ledger::Ledger;
use crate::reason::Reason;
use crate::signal::{Kind, Signal, Tool};
use crate::wording::{any, command, test_tool};

/// The risk of a fault; faults with the same risk have the same sentence.
pub fn risk(signal: &Signal, ledger: &Ledger, language: Language) -> String {
    let tests = ledger.failed_tests;
    let (chinese, english) = match signal.kind {
        Kind::FailedTest if tests > 1 => {
            let chinese = format!("{tests} 个测试失败，可能有共同的原因，合并会带入回归。");
            return language.pick(
                chinese,
                format!("{tests} failing tests may share one cause; merging now brings in a regression."),
            );
        }
        Kind::FailedTest => (
            "测试失败说明行为已改变，合并会带入回归。",
            "The failing test shows changed behaviour; merging now brings in a regression.",
        ),
        Kind::ImportError => (
            "缺少的模块会让所有用到它的代码和测试都无法运行。",
            "Whatever needs the missing module does not run, so further faults may be hidden behind it.",
        ),
        Kind::OutOfMemory => {
            ("内存问题会随数据量和并行度反复出现。", "It will come back with more data or more parallel jobs.")
        }
        Kind::DiskFull => {
            ("磁盘写满后，产物和缓存可能不完整。", "Artefacts and caches may be incomplete once the disk was full.")
        }
        Kind::Crash if signal.reason == Some(Reason::Race) => {
            ("数据竞争的后果不确定，可能只偶尔出错。", "A data race fails only now and then, and in production too.")
        }
        Kind::Crash => ("同样的输入会让程序再次崩溃。", "The same input will crash the program again."),
        Kind::MissingCommand => {
            ("运行环境不完整，后续步骤都会失败。", "The environment is incomplete; later steps will fail as well.")
        }
        Kind::Dependency => ("依赖没有装好，构建结果不可靠。", "Without its dependencies the build proves nothing."),
        Kind::BuildError if signal.tool.checks_types() => {
            ("类型错误会在运行时变成崩溃。", "Type errors that are let through become crashes at run time.")
        }
        Kind::BuildError => (
            "构建没有完成，没有新的产物，测试结果也可能是旧的。",
            "The build is incomplete: there is no new artefact, and test results may be stale.",
        ),
        Kind::Network => (
            "网络故障可能时有时无，重跑未必稳定。",
            "Network faults come and go; a green rerun does not prove that it is gone.",
        ),
        Kind::Timeout => ("超时可能掩盖死锁或性能退化。", "A time limit may hide a deadlock or a slowdown."),
        Kind::Permission => (
            "凭据或权限不对，发布和拉取都会受阻。",
            "With the wrong credentials or rights, pulls and releases are blocked.",
        ),
        Kind::FailedStep => ("这一步之后的步骤没有执行。", "Steps behind the failed one have not run."),
        Kind::OtherError => {
            ("原因尚不明确，影响范围未知。", "The cause is not clear yet, and so is how far it reaches.")
        }
        Kind::Flaky => (
            "不稳定的测试会掩盖真正的回归，也可能说明有竞争条件。",
            "A flaky test hides real regressions, and may itself show a race.",
        ),
        Kind::Lint if signal.error => ("代码检查不通过会挡住合并。", "Lint errors block the merge."),
        Kind::Lint | Kind::Warning => ("警告积累会掩盖真正的问题。", "Warnings that pile up hide real problems."),
    };
    language.pick(chinese, english).to_owned()
}

/// What to do about the fault now.
pub fn action(signal: &Signal, language: Language) -> String {
    let place = signal.place.as_ref().map(ToString::to_string);
    let look = |language: Language| match &place {
        Some(place) => language.pick(format!("查看 {place}"), format!("Look at {place}")),
        None => String::new(),
    };
    match signal.kind {
        Kind::FailedTest => failed_test(signal, &look(language), language),
        Kind::ImportError => missing(signal, place.as_deref(), language),
        Kind::OutOfMemory => memory(signal.tool, language).to_owned(),
        Kind::DiskFull => language
            .pick(
                "清理磁盘：docker system prune、构建缓存和旧产物，然后重试。",
                "Free disk space (docker system prune, build caches, old artefacts) and try again.",
            )
            .to_owned(),
        Kind::Dependency => dependency(signal, language),
        Kind::MissingCommand => command_missing(signal, language),
        Kind::Network => network(signal, language),
        Kind::Timeout => timeout(signal.tool, language).to_owned(),
        Kind::Permission => language
            .pick(
                "检查凭据是否有效、是否有相应权限，必要时重新登录。",
                "Check that the credentials are valid and have the right; sign in again if needed.",
            )
            .to_owned(),
        Kind::BuildError => build_error(signal, place.as_deref(), language),
        Kind::Crash => crash(signal, place.as_deref(), language),
        Kind::FailedStep => match &signal.subject {
            Some(step) => language.pick(
                format!("单独重跑 `{step}`，查看它自己的输出。"),
                format!("Run `{step}` by itself and read its own output."),
            ),
            None => language
                .pick(
                    "单独重跑失败的步骤，查看它自己的输出。",
                    "Run the failed step by itself and read its own output.",
                )
                .to_owned(),
        },
        Kind::OtherError => match &place {
            Some(place) => {
                language.pick(format!("查看 {place} 附近的代码。"), format!("Look at the code around {place}."))
            }
            None => language
                .pick(
                    "用更详细的日志级别重跑，定位第一个错误。",
                    "Run it again with more verbose logging and find the first error.",
                )
                .to_owned(),
        },
        Kind::Lint => lint(signal, place.as_deref(), language),
        Kind::Flaky => language.pick(
            format!(
                "找出测试 `{0}` 不稳定的原因（时序、共享状态、外部服务），反复运行确认。",
                signal.subject.as_deref().unwrap_or_default()
            ),
            format!(
                "Find out why test `{0}` is flaky (time, shared state, a service outside), and run it repeatedly.",
                signal.subject.as_deref().unwrap_or_default()
            ),
        ),
        Kind::Warning => String::new(),
    }
}

fn failed_test(signal: &Signal, look: &str, language: Language) -> String {
    let why = match signal.reason {
        Some(Reason::Snapshot) => {
            language.pick("；若改动符合预期，更新快照", "; if the change is meant, update the snapshot")
        }
        Some(Reason::Fixture) => language.pick("；检查夹具的定义", "; check how the fixture is defined"),
        Some(Reason::TimeLimit) => {
            language.pick("；检查是否有未等待的异步调用", "; look for something asynchronous that is never awaited")
        }
        _ => "",
    };
    let run = command::run_only(signal)
        .map(|command| language.pick(format!("只运行它：{command}"), format!("run only this test: {command}")));
    let name = signal.subject.as_deref().unwrap_or_default();
    match (look.is_empty(), run) {
        (false, Some(run)) => format!("{look}{why}{}{run}", language.pick("；", "; ")),
        (false, None) if name.is_empty() => language.pick(format!("{look}{why}。"), format!("{look}{why}.")),
        (false, None) => {
            language.pick(format!("{look}（测试 `{name}`）{why}。"), format!("{look} (test `{name}`){why}."))
        }
        (true, Some(run)) => language.pick(run.clone(), format!("To see more, {run}")),
        (true, None) if name.is_empty() => language
            .pick("单独运行失败的测试并查看其输出。", "Run the failing test by itself and read its output.")
            .to_owned(),
        (true, None) => language.pick(
            format!("单独运行测试 `{name}` 并查看其输出{why}。"),
            format!("Run test `{name}` by itself and read its output{why}."),
        ),
    }
}

fn missing(signal: &Signal, place: Option<&str>, language: Language) -> String {
    let name = signal.subject.as_deref().unwrap_or("?");
    let at = place.map(|place| language.pick(format!("（{place}）"), format!(" ({place})"))).unwrap_or_default();
    if super::fact::is_header(signal) {
        return language.pick(
            format!("安装提供 `{name}` 的开发包，或把它的目录加入 -I / -L。"),
            format!("Install the development package that has `{name}`, or add its folder with -I or -L."),
        );
    }
    match (command::install(signal), signal.tool) {
        (Some(install), Tool::Python | Tool::Pytest | Tool::Pip) => language.pick(
            format!("安装缺少的模块：{install}，并写入 requirements.txt 或 pyproject.toml。"),
            format!("Install the missing module: {install}; then list it in requirements.txt or pyproject.toml."),
        ),
        (Some(install), Tool::Tsc) => language.pick(
            format!("安装缺少的模块：{install}；若缺的是类型声明，再装对应的 @types 包。"),
            format!("Install the missing module: {install}; if only its types are missing, add its @types package."),
        ),
        (Some(install), _) => language.pick(
            format!("安装缺少的模块：{install}{at}。"),
            format!("Add the missing module: {install}{at}; if it is your own, check its name."),
        ),
        (None, Tool::Maven) => language.pick(
            format!("在 pom.xml 中加入提供 `{name}` 的依赖{at}。"),
            format!("Add the dependency that has `{name}` to pom.xml{at}."),
        ),
        (None, Tool::Gradle) => language.pick(
            format!("在 build.gradle 中加入提供 `{name}` 的依赖{at}。"),
            format!("Add the dependency that has `{name}` to build.gradle{at}."),
        ),
        (None, Tool::Python | Tool::Pytest) => language.pick(
            format!("检查 `{name}` 的路径：它像是项目自己的模块，从项目根目录运行或设置 PYTHONPATH。"),
            format!(
                "Check the path of `{name}`: it looks like the project's own; run from its root or set PYTHONPATH."
            ),
        ),
        (None, _) => language.pick(
            format!("检查 `{name}` 的路径、大小写以及文件是否存在{at}。"),
            format!("Check the path and case of `{name}`, and that the file exists{at}."),
        ),
    }
}

fn memory(tool: Tool, language: Language) -> &'static str {
    match tool {
        tool if tool.is_javascript() => language.pick(
            "提高 Node 的堆上限：NODE_OPTIONS=--max-old-space-size=4096，或减少并行的 worker。",
            "Raise Node's heap: NODE_OPTIONS=--max-old-space-size=4096, or use fewer workers.",
        ),
        Tool::Maven => language.pick(
            "提高 JVM 堆上限：MAVEN_OPTS=-Xmx2g，测试进程用 surefire 的 argLine。",
            "Raise the JVM's heap: MAVEN_OPTS=-Xmx2g, and argLine of surefire for the tests.",
        ),
        Tool::Gradle => language.pick(
            "提高 JVM 堆上限：在 gradle.properties 设置 org.gradle.jvmargs=-Xmx2g。",
            "Raise the JVM's heap: org.gradle.jvmargs=-Xmx2g in gradle.properties.",
        ),
        Tool::Cargo => language.pick(
            "减少并行：cargo build -j 2，或提高机器、容器的内存上限。",
            "Build with fewer jobs (cargo build -j 2), or raise the memory limit of the machine or container.",
        ),
        Tool::Gcc | Tool::Make => language.pick(
            "减少并行：make -j2，或提高机器、容器的内存上限。",
            "Build with fewer jobs (make -j2), or raise the memory limit of the machine or container.",
        ),
        Tool::Docker => language.pick(
            "提高 Docker 构建或容器的内存上限，或减少该步骤的并行任务。",
            "Raise the memory limit of the Docker build or container, or run fewer jobs in that step.",
        ),
        _ => language.pick(
            "提高进程或容器的内存上限，或减少并行任务、分批处理数据。",
            "Raise the memory limit of the process or container, run fewer jobs, or work on smaller batches.",
        ),
    }
}

fn timeout(tool: Tool, language: Language) -> &'static str {
    match tool {
        Tool::Go => language.pick(
            "查找一直等待的 goroutine；确实需要更久时用 go test -timeout 20m。",
            "Look for a goroutine that waits for ever; if it really takes longer, go test -timeout 20m.",
        ),
        Tool::Jest | Tool::Vitest => language.pick(
            "检查未 await 的异步调用；确实需要更久时提高 testTimeout。",
            "Look for something that is never awaited; if it really takes longer, raise testTimeout.",
        ),
        Tool::Ci => language.pick(
            "找出最慢的步骤并拆分或缓存，必要时提高任务的时限。",
            "Find the slowest step, split or cache it; raise the job's limit if needed.",
        ),
        _ => language.pick(
            "先确认没有死锁或等待外部服务，再提高时限。",
            "Make sure that nothing waits for ever or for a service outside, then raise the limit.",
        ),
    }
}

fn dependency(signal: &Signal, language: Language) -> String {
    let name = signal
        .subject
        .as_deref()
        .map(|name| format!("`{name}`"))
        .unwrap_or_else(|| language.pick("依赖", "the dependency").to_owned());
    match (signal.reason, signal.tool) {
        (Some(Reason::Conflict), Tool::Npm) if signal.code.as_deref() == Some("EUSAGE") => language.pick(
            "package.json 与锁文件不一致：运行 npm install 并提交锁文件。", "package.json and the lock file differ: run npm install and commit the lock file.").to_owned(),
        (Some(Reason::Conflict), Tool::Npm) => language.pick(
            format!("用 npm ls 找出与 {name} 冲突的要求并对齐版本；暂时可用 --legacy-peer-deps。"),
            format!("Find with npm ls what conflicts with {name} and align the versions; --legacy-peer-deps helps for the moment."),
        ),
        (Some(Reason::Conflict), _) => language.pick(format!("对齐 {name} 的版本要求。"), format!("Align the versions required of {name}.")),
        (_, Tool::Docker) => language.pick(format!("检查镜像 {name} 的名称和标签是否存在。"), format!("Check that the image {name} exists under this name and tag.")),
        (_, Tool::Go) => language.pick("运行 go mod tidy，并检查版本是否存在。", "Run go mod tidy, and check that the version exists.").to_owned(),
        _ => language.pick(format!("检查 {name} 的名称和版本在所用的源中是否存在。"), format!("Check that {name} exists under this name and version in the registry that is used.")),
    }
}

fn command_missing(signal: &Signal, language: Language) -> String {
    let Some(name) = &signal.subject else {
        return language
            .pick("安装缺少的命令，或检查 PATH。", "Install the missing command, or check PATH.")
            .to_owned();
    };
    match signal.tool {
        Tool::Npm => language.pick(
            format!("在 package.json 的 scripts 中加入 `{name}`，或用 npm run 查看已有脚本。"),
            format!("Add `{name}` to the scripts of package.json, or see with npm run which there are."),
        ),
        Tool::Docker if name == "dockerd" => language
            .pick("启动 Docker 守护进程，或检查 DOCKER_HOST。", "Start the Docker daemon, or check DOCKER_HOST.")
            .to_owned(),
        _ => language.pick(
            format!("安装 `{name}`，或检查 PATH；由项目提供的命令需要先装依赖。"),
            format!("Install `{name}` or check PATH; if the project brings it, install its dependencies first."),
        ),
    }
}

fn network(signal: &Signal, language: Language) -> String {
    let host = signal
        .subject
        .as_deref()
        .map(|host| format!(" {host} "))
        .unwrap_or_else(|| language.pick("目标主机", " the host ").to_owned());
    let text = match signal.reason {
        Some(Reason::NameLookup) => language.pick(
            format!("检查 DNS 和代理设置能否解析{host}。"),
            format!("Check that DNS and proxy settings can resolve{host}."),
        ),
        Some(Reason::Refused) => language.pick(
            format!("确认{host}的服务已启动、端口正确。"),
            format!("Make sure that the service on{host} is running and listens on the port that is called."),
        ),
        Some(Reason::Certificate) => language.pick(
            "检查系统时间和证书链，企业代理需安装其根证书。".to_owned(),
            "Check the clock and the chain of certificates; behind a company proxy install its root.".to_owned(),
        ),
        Some(Reason::RateLimit) => language.pick(
            "登录后再拉取，或使用镜像源以避开频率限制。".to_owned(),
            "Sign in before pulling, or use a mirror, to get around the rate limit.".to_owned(),
        ),
        _ => language.pick(
            format!("检查到{host}的网络和代理，然后重试。"),
            format!("Check network and proxy towards{host} and try again."),
        ),
    };
    text.replace("  ", " ").replace(" .", ".")
}

fn build_error(signal: &Signal, place: Option<&str>, language: Language) -> String {
    let name = signal.subject.as_deref().map(|name| format!("`{name}`"));
    let it = name.clone().unwrap_or_else(|| language.pick("它", "it").to_owned());
    let how = match signal.reason {
        Some(Reason::UnknownName) => {
            language.pick(format!("声明或导入 {it}，检查拼写"), format!("declare or import {it}, check its spelling"))
        }
        Some(Reason::UnknownMember) => language
            .pick(format!("检查 {it} 的成员名和版本"), format!("check the member's name and the version of {it}")),
        Some(Reason::TypeMismatch) => {
            language.pick("让两边的类型一致".to_owned(), "make the types on both sides agree".to_owned())
        }
        Some(Reason::WrongArguments) => {
            language.pick("核对参数的个数和类型".to_owned(), "compare number and types of the arguments".to_owned())
        }
        Some(Reason::Syntax) => language.pick("修正语法".to_owned(), "mend the syntax".to_owned()),
        Some(Reason::Borrow) => language.pick(
            "缩短借用、克隆值或改变所有权".to_owned(),
            "shorten the borrow, clone the value or change who owns it".to_owned(),
        ),
        Some(Reason::Undefined) => language
            .pick(format!("链接定义了 {it} 的目标文件或库"), format!("link the object or library that defines {it}")),
        Some(Reason::MissingFile) => {
            language.pick(format!("补上文件 {it} 或修正路径"), format!("add the file {it} or correct its path"))
        }
        Some(Reason::Unused) => language.pick(format!("删除未使用的 {it}"), format!("remove {it}, which is not used")),
        Some(Reason::Duplicate) => {
            language.pick(format!("只保留 {it} 的一处定义"), format!("keep one definition of {it}"))
        }
        _ => language.pick("修正这处错误".to_owned(), "mend this error".to_owned()),
    };
    let explain = match (signal.tool, &signal.code) {
        (Tool::Cargo, Some(code)) => {
            language.pick(format!("（rustc --explain {code}）"), format!(" (rustc --explain {code})"))
        }
        _ => String::new(),
    };
    match place {
        Some(place) => language.pick(format!("在 {place} {how}{explain}。"), format!("At {place}, {how}{explain}.")),
        None => language.pick(format!("{how}{explain}。"), format!("To go on, {how}{explain}.")),
    }
}

fn crash(signal: &Signal, place: Option<&str>, language: Language) -> String {
    match (signal.reason, place) {
        (Some(Reason::Race), _) => language
            .pick(
                "给共享数据加锁或改用通道，再用 go test -race 确认。",
                "Guard the shared data with a lock or a channel, then confirm with go test -race.",
            )
            .to_owned(),
        (_, Some(place)) => language.pick(
            format!("检查 {place} 处的输入和空值处理。"),
            format!("Check what comes in at {place}, and what is missing there."),
        ),
        (_, None) => language
            .pick(
                "在调试器中或带完整堆栈重跑，定位崩溃点。",
                "Run it in a debugger or with full backtraces to find where it crashes.",
            )
            .to_owned(),
    }
}

fn lint(signal: &Signal, place: Option<&str>, language: Language) -> String {
    let code = signal.code.as_deref().unwrap_or_default();
    match (code, command::autofix(signal.tool)) {
        ("deprecated", _) if signal.tool == Tool::Npm => language
            .pick(
                "用 npm outdated 找出并升级已弃用的包。",
                "Find and upgrade the deprecated packages with npm outdated.",
            )
            .to_owned(),
        (_, Some(mend)) => {
            language.pick(format!("自动修复代码检查问题：{mend}"), format!("Have lint mended automatically: {mend}"))
        }
        _ => match place {
            Some(place) => language
                .pick(format!("处理 {place} 的 {code} 警告。"), format!("Deal with {code} at {place}."))
                .replace("  ", " "),
            None => String::new(),
        },
    }
}

/// What to do after the actions, with the version of the signal that each step belongs to.
pub fn next_steps(signals: &[&Signal], build: Option<bool>, language: Language) -> Vec<(u64, String)> {
    let mut steps = Vec::new();
    let mut add = |text: String| steps.push((0, text));
    let builds = [Kind::BuildError, Kind::ImportError, Kind::Dependency];
    let broken = signals.iter().find(|signal| builds.contains(&signal.kind));
    if let Some(again) = broken.and_then(|signal| command::build(signal.tool)) {
        add(language.pick(format!("修复后重新检查：{again}"), format!("Check again after the fixes: {again}")));
    } else if broken.is_some() && build != Some(true) && test_tool(signals).is_none() {
        add(language
            .pick("修复后重新构建并运行全部测试。", "Build again after the fixes and run all tests.")
            .to_owned());
    }
    if let Some(all) = test_tool(signals).and_then(command::run_all) {
        add(language.pick(format!("修复后运行全部测试：{all}"), format!("Run all tests after the fixes: {all}")));
    } else if any(signals, &[Kind::FailedTest]) {
        add(language.pick("修复后运行全部测试。", "Run all tests after the fixes.").to_owned());
    }
    if any(signals, &[Kind::OutOfMemory, Kind::DiskFull]) {
        add(language
            .pick(
                "重跑并观察内存与磁盘用量，确认上限合适。",
                "Run it again while watching memory and disk, to see that the limits fit.",
            )
            .to_owned());
    }
    if any(signals, &[Kind::Network, Kind::Timeout]) {
        add(language
            .pick(
                "重跑一次；若再次出现，给该步骤加重试或缓存。",
                "Run it once more; if it comes back, give that step retries or a cache.",
            )
            .to_owned());
    }
    if any(signals, &[Kind::Crash]) {
        add(language.pick("为这次崩溃补一个测试。", "Add a test for this crash.").to_owned());
    }
    if any(signals, &[Kind::FailedStep, Kind::OtherError, Kind::MissingCommand, Kind::Permission]) {
        add(language.pick("处理后重跑整个流程。", "Run the whole pipeline again afterwards.").to_owned());
    }
    if signals.iter().any(|signal| signal.kind == Kind::Lint && signal.tool != Tool::Npm) {
        add(language
            .pick(
                "在 CI 中加入代码检查，避免警告再次积累。",
                "Check lint in CI, so that warnings do not pile up again.",
            )
            .to_owned());
    }
    steps
}

//! Commands of the tools. Rule: a name is put into a command only if a shell reads nothing but a name in it.

use crate::sanitize::{is_safe_in_command, quoted_for_shell};
use crate::signal::{Signal, Tool};

/// Python modules whose package has another name.
const PACKAGES: [(&str, &str); 14] = [
    ("cv2", "opencv-python"),
    ("yaml", "PyYAML"),
    ("PIL", "Pillow"),
    ("sklearn", "scikit-learn"),
    ("bs4", "beautifulsoup4"),
    ("dotenv", "python-dotenv"),
    ("Crypto", "pycryptodome"),
    ("dateutil", "python-dateutil"),
    ("jwt", "PyJWT"),
    ("serial", "pyserial"),
    ("git", "GitPython"),
    ("google.protobuf", "protobuf"),
    ("psycopg2", "psycopg2-binary"),
    ("MySQLdb", "mysqlclient"),
];

/// Runs one failing test and nothing else.
pub fn run_only(signal: &Signal) -> Option<String> {
    let name = match signal.exact.as_deref() {
        Some("") => return None,
        Some(exact) => exact,
        None => signal.subject.as_deref().filter(|name| !name.ends_with('…'))?,
    };
    let place = signal.place.as_ref().filter(|place| is_safe_in_command(&place.file));
    let file = place.map(|place| place.file.as_str());
    let at = place.and_then(|place| Some(format!("{}:{}", place.file, place.line?)));
    let quoted = quoted_for_shell(name);
    // Matches the suites and the test as one text, from beginning to end.
    let whole = |sign: &str| quoted_for_shell(&format!("^{}$", pattern(&name.replace(sign, " "))));
    let in_file = |command: &str, name: String| match file {
        Some(file) => format!("{command} {file} -t {name}"),
        None => format!("{command} -t {name}"),
    };
    Some(match signal.tool {
        Tool::Cargo if is_safe_in_command(name) => {
            let scope = cargo_scope(signal);
            format!("cargo test {scope}{name} -- --exact")
        }
        Tool::Nextest if is_safe_in_command(name) => {
            match signal.target.as_deref().filter(|target| is_safe_in_command(target)) {
                Some(target) => format!("cargo nextest run -E 'binary_id(={target}) & test(={name})'"),
                None => format!("cargo nextest run -E 'test(={name})'"),
            }
        }
        Tool::Pytest => format!("pytest {quoted}"),
        Tool::Python if is_safe_in_command(name) => format!("python -m unittest {name}"),
        Tool::Jest => in_file("npx jest", whole(" › ")),
        Tool::Vitest => in_file("npx vitest run", whole(" > ")),
        Tool::Mocha => format!("npx mocha -g {}", whole(" › ")),
        Tool::Playwright => match (at, signal.reason) {
            (Some(at), _) => format!("npx playwright test {at}"),
            (None, _) => format!("npx playwright test -g {}", quoted_for_shell(&pattern(&name.replace(" › ", " ")))),
        },
        Tool::Node => format!("node --test --test-name-pattern {}", quoted_for_shell(&format!("^{}$", pattern(name)))),
        Tool::Go => {
            let parts: Vec<String> = name.split('/').map(|part| format!("^{}$", pattern(part))).collect();
            let package = signal.target.as_deref().filter(|target| is_safe_in_command(target)).unwrap_or("./...");
            format!("go test -run {} {package}", quoted_for_shell(&parts.join("/")))
        }
        Tool::Maven => {
            let test = quoted_for_shell(&name.replacen('.', "#", 1));
            match signal.target.as_deref().filter(|target| is_safe_in_command(target)) {
                Some(module) => format!("mvn test -pl :{module} -Dtest={test}"),
                None => format!("mvn test -Dtest={test}"),
            }
        }
        Tool::Gradle => {
            let project = signal.target.as_deref().filter(|target| is_safe_in_command(target)).unwrap_or_default();
            format!("./gradlew {project}{}test --tests {quoted}", if project.is_empty() { "" } else { ":" })
        }
        Tool::Dotnet => {
            let name = name.split('(').next().unwrap_or(name);
            format!("dotnet test --filter {}", quoted_for_shell(&format!("FullyQualifiedName={name}")))
        }
        Tool::Ctest => format!("ctest --output-on-failure -R {}", quoted_for_shell(&format!("^{}$", pattern(name)))),
        Tool::Rspec => format!("bundle exec rspec {}", quoted_for_shell(signal.code.as_deref().or(at.as_deref())?)),
        Tool::Phpunit => {
            let method = name.rsplit("::").next().unwrap_or(name);
            // The arguments after the name of a data set are not part of it.
            let end =
                method.rfind("\" (").map(|at| at + 1).or_else(|| method.rfind(" (").filter(|_| method.contains(" #")));
            let method = &method[..end.unwrap_or(method.len())];
            format!("vendor/bin/phpunit --filter {}", quoted_for_shell(&format!("/::{}$/", pattern(method))))
        }
        Tool::Swift => {
            format!("swift test --filter {}", quoted_for_shell(&format!("{}$", pattern(&name.replace(' ', "/")))))
        }
        Tool::Bazel if is_safe_in_command(name) => format!("bazel test {name} --test_output=errors"),
        Tool::Minitest => {
            let method = name.rsplit('#').next().unwrap_or(name);
            format!("ruby -Itest {} -n {}", file?, quoted_for_shell(method))
        }
        Tool::Prove => format!("prove -v {}", file?),
        _ => return None,
    })
}

/// The arguments by which cargo runs the tests of one target alone, with a trailing blank.
fn cargo_scope(signal: &Signal) -> String {
    if let Some(arguments) = &signal.scope {
        return format!("{arguments} ");
    }
    let target = signal.target.as_deref().and_then(|target| target.split_once(' '));
    match target.filter(|(_, name)| is_safe_in_command(name)) {
        Some(("lib", _)) => "--lib ".to_owned(),
        Some(("doc", _)) => "--doc ".to_owned(),
        Some((kind @ ("test" | "bin"), name)) => format!("--{kind} {name} "),
        _ => String::new(),
    }
}

/// A regular expression for exactly this text.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

/// Runs all tests.
pub fn run_all(tool: Tool) -> Option<&'static str> {
    Some(match tool {
        Tool::Cargo => "cargo test",
        Tool::Pytest => "pytest",
        Tool::Python => "python -m unittest",
        Tool::Jest => "npx jest",
        Tool::Vitest => "npx vitest run",
        Tool::Mocha => "npx mocha",
        Tool::Node => "node --test",
        Tool::Go => "go test ./...",
        Tool::Maven => "mvn test",
        Tool::Gradle => "./gradlew test",
        Tool::Nextest => "cargo nextest run",
        Tool::Playwright => "npx playwright test",
        Tool::Dotnet => "dotnet test",
        Tool::Ctest => "ctest --output-on-failure",
        Tool::Rspec => "bundle exec rspec",
        Tool::Phpunit => "vendor/bin/phpunit",
        Tool::Swift => "swift test",
        Tool::Bazel => "bazel test //...",
        Tool::Prove => "prove -r t",
        _ => return None,
    })
}

/// Builds again.
pub fn build(tool: Tool) -> Option<&'static str> {
    Some(match tool {
        Tool::Cargo => "cargo check",
        Tool::Go => "go build ./...",
        Tool::Maven => "mvn -q compile",
        Tool::Gradle => "./gradlew build",
        Tool::Tsc => "npx tsc --noEmit",
        Tool::Gcc | Tool::Make => "make",
        Tool::Mypy => "mypy .",
        Tool::Pyright => "pyright",
        Tool::Pytest => "pytest",
        Tool::Npm => "npm install",
        Tool::Pip => "pip install -r requirements.txt",
        Tool::Docker => "docker build .",
        Tool::Nextest => "cargo check",
        Tool::Dotnet => "dotnet build",
        Tool::Swift => "swift build",
        Tool::Bazel => "bazel build //...",
        Tool::Terraform => "terraform validate",
        _ => return None,
    })
}

/// Installs the missing module; none if it belongs to the project or cannot be named.
pub fn install(signal: &Signal) -> Option<String> {
    let module = signal.subject.as_deref().filter(|module| is_safe_in_command(module))?;
    match signal.tool {
        Tool::Python | Tool::Pytest | Tool::Pip => {
            let known = PACKAGES.iter().find(|(name, _)| module == *name || module.starts_with(&format!("{name}.")));
            let top = module.split('.').next().unwrap_or(module);
            let own = matches!(top, "src" | "app" | "tests" | "test" | "lib" | "core" | "utils" | "config" | "models")
                || module.starts_with('.');
            (!own).then(|| format!("pip install {}", known.map_or(top, |(_, package)| package)))
        }
        Tool::Go => module.contains('.').then(|| format!("go get {module}")),
        Tool::Cargo => {
            let name = module.split("::").next().unwrap_or(module);
            let own = matches!(name, "crate" | "self" | "super" | "std" | "core" | "alloc");
            (!own).then(|| format!("cargo add {name}"))
        }
        tool if tool.is_javascript() => {
            let own =
                module.starts_with(['.', '/', '#', '~']) || module.starts_with("@/") || module.starts_with("src/");
            let parts = if module.starts_with('@') { 2 } else { 1 };
            let package = module.split('/').take(parts).collect::<Vec<_>>().join("/");
            (!own).then(|| format!("npm install {package}"))
        }
        _ => None,
    }
}

/// Fixes lint findings automatically.
pub fn autofix(tool: Tool) -> Option<&'static str> {
    Some(match tool {
        Tool::Eslint => "npx eslint . --fix",
        Tool::Ruff => "ruff check . --fix",
        Tool::Cargo => "cargo clippy --fix --allow-dirty",
        Tool::Go => "gofmt -w .",
        _ => return None,
    })
}

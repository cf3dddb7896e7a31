//! The commands of the tools. Rule: a name goes into a command only if no shell reads anything but
//! a name in it.

use crate::piece::{fits_command, fits_quotes};
use crate::signal::{Signal, Tool};

/// Modules of Python whose package has another name.
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
    let name = signal.subject.as_deref()?;
    let file = signal.place.as_ref().map(|place| place.file.as_str()).filter(|file| fits_command(file));
    let last = |separators: &[char]| name.rsplit(separators).next().unwrap_or(name).trim().to_owned();
    match signal.tool {
        Tool::Cargo if fits_command(name) => Some(format!("cargo test {name} -- --exact")),
        Tool::Pytest if fits_command(name) => Some(format!("pytest {name}")),
        Tool::Pytest if fits_quotes(name) => Some(format!("pytest \"{name}\"")),
        Tool::Python if fits_command(name) => Some(format!("python -m unittest {name}")),
        Tool::Jest => {
            let test = last(&['›']);
            let file = file.unwrap_or_default();
            fits_quotes(&test).then(|| format!("npx jest {file} -t \"{test}\"").replace("  ", " "))
        }
        Tool::Vitest => {
            let test = last(&['>']);
            let file = file.unwrap_or_default();
            fits_quotes(&test).then(|| format!("npx vitest run {file} -t \"{test}\"").replace("  ", " "))
        }
        Tool::Mocha if fits_quotes(name) => Some(format!("npx mocha -g \"{name}\"")),
        Tool::Node => fits_quotes(name).then(|| format!("node --test --test-name-pattern \"{name}\"")),
        Tool::Go if fits_command(name) => {
            let parts: Vec<String> = name.split('/').map(|part| format!("^{part}$")).collect();
            Some(format!("go test -run '{}' ./...", parts.join("/")))
        }
        Tool::Maven if fits_command(name) => Some(format!("mvn test -Dtest={}", name.replacen('.', "#", 1))),
        Tool::Gradle if fits_quotes(name) => Some(format!("./gradlew test --tests \"{name}\"")),
        _ => None,
    }
}

/// Runs all tests.
pub fn run_all(tool: Tool) -> Option<&'static str> {
    Some(match tool {
        Tool::Cargo => "cargo test",
        Tool::Pip => "pip install -r requirements.txt",
        Tool::Pytest => "pytest",
        Tool::Python => "python -m unittest",
        Tool::Jest => "npx jest",
        Tool::Vitest => "npx vitest run",
        Tool::Mocha => "npx mocha",
        Tool::Node => "node --test",
        Tool::Go => "go test ./...",
        Tool::Maven => "mvn test",
        Tool::Gradle => "./gradlew test",
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
        Tool::Pytest => "pytest",
        Tool::Npm => "npm install",
        Tool::Docker => "docker build .",
        _ => return None,
    })
}

/// Installs the module that is missing; none where it is the project's own, or cannot be named.
pub fn install(signal: &Signal) -> Option<String> {
    let module = signal.subject.as_deref().filter(|module| fits_command(module))?;
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

/// Mends lint by itself.
pub fn mend(tool: Tool) -> Option<&'static str> {
    Some(match tool {
        Tool::Eslint => "npx eslint . --fix",
        Tool::Ruff => "ruff check . --fix",
        Tool::Cargo => "cargo clippy --fix --allow-dirty",
        Tool::Go => "gofmt -w .",
        _ => return None,
    })
}

//! The binary. Rule: everything else is in the library; here the exit code is handed over.

fn main() -> std::process::ExitCode {
    modehost::cli::run()
}

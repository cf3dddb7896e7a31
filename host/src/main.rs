//! The binary. Rule: signals are blocked and sockets received before anything else; everything else is in the library,
//! which returns the exit code.

fn main() -> std::process::ExitCode {
    // If the mask cannot be set, only signals of the first moments are affected.
    let _ = modehost::app::signals::block();
    modehost_gateway::InheritedListeners::collect();
    modehost::cli::run()
}

//! The binary. Rule: signals are held and sockets received before anything else; everything else is in the library; here
//! the exit code is handed over.

fn main() -> std::process::ExitCode {
    // A mask of signals that cannot be set costs no more than the moments in which nobody listens.
    let _ = modehost::app::signals::hold();
    modehost_gateway::Ports::receive();
    modehost::cli::run()
}

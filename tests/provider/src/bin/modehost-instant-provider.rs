//! An instant provider as a separate process, so that a benchmark can tell the server's CPU time from the provider's.
//! Rule: its first line of output is its base URL; it exits when its standard input is closed.
//!
//! Arguments: the chunks of the answer; by default, ten words.

use std::io::{Read, Write};

use modehost_provider::Provider;

fn main() -> std::io::Result<()> {
    let pieces: Vec<String> = std::env::args().skip(1).collect();
    let mut pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    if pieces.is_empty() {
        pieces = vec!["This ", "is ", "an ", "answer. ", "It ", "has ", "two ", "sentences ", "to ", "say."];
    }
    let provider = Provider::instant(&pieces);
    writeln!(std::io::stdout(), "{}", provider.base_url())?;
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

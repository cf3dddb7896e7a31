//! Providers over HTTP on a socket, and the real espeak-ng. Rule: assertions are about requests and returned audio or
//! text.

mod espeak;
mod kinds;
mod speech;
mod transcription;

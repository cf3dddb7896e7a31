//! Providers over HTTP at the socket, and the real espeak-ng.

mod espeak;
mod kinds;
mod speech;
mod transcription;

//! The audio input as a session uses it: packets and endpoints in, reports out. Rule: the audio is real speech in real
//! Opus; the recogniser is scripted behind its trait and returns what it received, so that a test sees how much audio
//! arrived, and when the end was signalled.

mod boundaries;
mod hostile;
mod people;
mod streams;
mod test_host;

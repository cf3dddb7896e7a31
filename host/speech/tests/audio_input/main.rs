//! The input as a session has it: packets and boundaries in, reports out. Rule: the sound is real speech
//! in real Opus; the recogniser is scripted behind its trait and tells what it was given, so that a
//! test sees how much of the sound arrived, and when it was told the end.

mod boundaries;
mod hostile;
mod people;
mod streams;
mod test_host;

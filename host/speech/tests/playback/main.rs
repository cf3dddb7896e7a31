//! Turns of speech as a connection sees them. Rule: the speaker is scripted behind its trait; resampler, encoder,
//! pacing and outbox are real, and the output is decoded again.

mod connection;
mod turns;

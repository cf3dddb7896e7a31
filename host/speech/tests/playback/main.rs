//! Turns of speech as a connection sees them. Rule: the speaker is scripted behind its trait; resampler,
//! encoder, pacing and outbox are the real ones, and what comes out is decoded again.

mod stage;
mod turns;

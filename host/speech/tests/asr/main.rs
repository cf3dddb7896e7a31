//! Recognisers against services that speak the real protocols on a socket, including failures. Rule: assertions are
//! about what a service received; durations have generous bounds.

mod breaker;
mod doubao;
mod funasr;
mod nothing;
mod test_host;

//! Recognisers against services that speak their true protocols at the socket, faults included. Rule:
//! what a service was sent is what counts; time is only measured where it is bounded generously.

mod breaker;
mod doubao;
mod funasr;
mod nothing;
mod scene;

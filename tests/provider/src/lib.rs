//! A language model service for tests.

//! A server for talking devices whose modes are swapped while they run.

//! The gateway from outside: real sockets, a real registry and storage, no mode. Rule: tests wait on a condition with a
//! deadline, and are named after the requirement that they test.

mod devices;
mod handshake;
mod listeners;
mod noise;
mod ota;
mod test_host;
mod tls;

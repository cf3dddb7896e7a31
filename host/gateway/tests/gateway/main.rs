//! The gateway from outside: real sockets, the real registry and storage, no mode at all.
//! Rule: tests wait on a condition with a deadline, and are named by the row that they drive.

mod devices;
mod handshake;
mod listeners;
mod noise;
mod ota;
mod stage;
mod tls;

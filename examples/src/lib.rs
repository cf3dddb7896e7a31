//! Clients to try the server with.

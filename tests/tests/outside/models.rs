//! L.1 to L.4: providers good and bad.

//! P.1, P.2, P.5: messages from device to device.

//! Tools of the device.

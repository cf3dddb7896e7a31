//! Language models by purpose.

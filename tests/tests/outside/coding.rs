//! M.11 to M.13: insights from logs.

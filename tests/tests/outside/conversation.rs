//! M.2, C.7: turns, memory, interruption.

//! M.4, M.5: any number of ends at any moment give one summary.

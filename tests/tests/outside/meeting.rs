//! M.3 to M.8: a meeting from the first word to the archive.

//! M.7: finished work as files.

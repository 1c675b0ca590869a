//! Backup and restore: one file that holds a copy of the store and of the spool folder, made while the box runs.

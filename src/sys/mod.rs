//! The only place for calls to the platform: systemd, disk, processes.

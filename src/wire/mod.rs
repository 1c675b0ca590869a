//! Codings of packets: bytes in, messages out, and back. No I/O.

//! What two boxes say between the letters.
//!
//! ```text
//! 1011 nnnn | n receipts | body         n 1 to 15; the body may be missing
//! 1011 0000 | length | notes | body
//! classic packet | C2 3E | length | notes       field 1000 of a MessageDataPB, which decoders that do not know it skip
//! ```
//!
//! Notes, each behind a byte `kkkk nnnn`:
//!
//! ```text
//! 1n  receipts: n names                      2n  hello: hours, echo, n models of number and mark
//! 3m  lacks model m for the body: name       4m  the same for pieces: id
//! 50  check failed: name                     51  check failed: id of pieces
//! 6n  replaces: n names                      70  pieces that came: id, 16 bits
//! 8x and above: a length and what it says, skipped
//! ```

//! What follows from the word by which the modem ends a message. Pure.

/// What is certain then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The network has the message.
    Sent,
    /// It was never on air: it may go again.
    Never,
    /// The same, and the modem found its bytes wrong: they are not what this program meant to say.
    Wrong,
    /// A part was on air, or all of it: the far side may have it.
    Doubtful,
}

/// What a `final_mo_status` means. A word that is not known may mean anything.
pub fn end(status: &str) -> End {
    match status {
        "mo_ack_received" => End::Sent,
        "message_discarded_on_overflow"
        | "subscription_invalid"
        | "segment_not_supplied"
        | "message_dropped_local_crc_error"
        | "message_cancelled_pre_transit" => End::Never,
        "segment_incorrect" | "user_supplied_crc_error" => End::Wrong,
        _ => End::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_on_air_goes_again() {
        assert_eq!(end("mo_ack_received"), End::Sent);
        assert_eq!((end("message_cancelled_pre_transit"), end("segment_not_supplied")), (End::Never, End::Never));
        assert_eq!(end("user_supplied_crc_error"), End::Wrong);
        for status in
            ["message_cancelled_in_transit", "network_error", "message_expired", "crc_error_in_transfer", "new"]
        {
            assert_eq!(end(status), End::Doubtful, "{status}");
        }
    }
}

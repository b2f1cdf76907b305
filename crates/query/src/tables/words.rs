//! The words that bodies' enumerations are in records and in SQL.
//!
//! Promises the same words that `vitals-model` reads and writes as JSON; a test holds them together.

use vitals_model::kinds::{
    BillingInterval, BookingStatus, Clock, CustomerStatus, DealStatus, Direction, InvoiceStatus,
    MembershipStatus, OrderStatus, PaymentStatus, ProductType, SessionStatus, VisitStatus,
};

/// A value that is one word.
pub(crate) trait Word {
    /// The word.
    fn word(&self) -> &'static str;
}

macro_rules! words {
    ($($name:ident { $($variant:ident $text:literal),* $(,)? })*) => {
        $(impl Word for $name {
            fn word(&self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        })*

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn every_word_is_the_records_own() {
                $($(
                    let json = serde_json::to_string(&$name::$variant).unwrap();
                    assert_eq!(json, format!("\"{}\"", $name::$variant.word()));
                )*)*
            }
        }
    };
}

words! {
    Clock { Wall "wall", Data "data" }
    ProductType { Goods "goods", Service "service", Membership "membership", Pass "pass" }
    SessionStatus { Scheduled "scheduled", Cancelled "cancelled", Completed "completed" }
    CustomerStatus {
        Active "active", Paused "paused", Inactive "inactive", Lead "lead", Cancelled "cancelled",
    }
    BookingStatus {
        Confirmed "confirmed", Waitlisted "waitlisted", Cancelled "cancelled",
        LateCancelled "late_cancelled", Completed "completed", NoShow "no_show",
    }
    VisitStatus { Attended "attended", NoShow "no_show", LateCancelled "late_cancelled" }
    MembershipStatus {
        Active "active", Paused "paused", PastDue "past_due", Cancelled "cancelled",
        Expired "expired",
    }
    BillingInterval { Day "day", Week "week", Month "month", Year "year" }
    OrderStatus {
        Pending "pending", Paid "paid", PartiallyRefunded "partially_refunded",
        Refunded "refunded", Voided "voided",
    }
    PaymentStatus { Succeeded "succeeded", Failed "failed", Pending "pending" }
    InvoiceStatus { Open "open", Paid "paid", Void "void", Uncollectible "uncollectible" }
    Direction { Out "out", In "in" }
    DealStatus { Open "open", Won "won", Lost "lost" }
}

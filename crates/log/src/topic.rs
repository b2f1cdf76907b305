//! The topics of the log: what each holds.

use std::fmt;

/// One topic of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Records as JSON, keyed by the record's key, partitioned by tenant.
    Records,
    /// What could not be understood, with the reason.
    Quarantine,
    /// Committed changes of the vitals, keyed by vital and row key.
    Changes,
    /// Anomalies as CloudEvents.
    Anomalies,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 4] = [Self::Records, Self::Quarantine, Self::Changes, Self::Anomalies];

    /// The topic's name, as Kafka has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "vitals.records",
            Self::Quarantine => "vitals.quarantine",
            Self::Changes => "vitals.changes",
            Self::Anomalies => "vitals.anomalies",
        }
    }

    /// The topic's place in [`Topic::ALL`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Records => 0,
            Self::Quarantine => 1,
            Self::Changes => 2,
            Self::Anomalies => 3,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_at_its_index() {
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), index, "{topic}");
        }
    }
}

//! LogBatch to CommitBatch: one struct, one method.

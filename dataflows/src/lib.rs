//! One vital, one file: the dataflows.

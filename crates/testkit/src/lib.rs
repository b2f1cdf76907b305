//! Generators and fixtures for tests.

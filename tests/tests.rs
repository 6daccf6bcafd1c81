//! The integration tests, one binary.

mod lecture;

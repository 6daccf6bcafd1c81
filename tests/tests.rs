//! tests

mod lecture;

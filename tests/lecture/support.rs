//! What the tests of several subsections share. No test stands here.

pub mod claim;
pub mod section4;

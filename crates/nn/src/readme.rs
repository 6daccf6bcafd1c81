//! Runs the code of the README as documentation tests.

#[doc = include_str!("../../../README.md")]
pub struct Readme;

#[doc = include_str!("../../../docs/adding-an-op.md")]
pub struct AddingAnOp;

#[doc = include_str!("../../../docs/gradcheck.md")]
pub struct Gradcheck;

#[doc = include_str!("../../../docs/lecture.md")]
pub struct Lecture;

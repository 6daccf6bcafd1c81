//! The integration tests of the workspace.
//!
//! - `lecture`: every statement of the lecture, section by section; `docs/lecture.md` is its index.
mod lecture;

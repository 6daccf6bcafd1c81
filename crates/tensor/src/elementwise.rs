//! Functions of every element.

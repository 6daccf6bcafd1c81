//! Making tensors from numbers.

//! Making tensors from an explicit random generator.

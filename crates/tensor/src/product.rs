//! Products of vectors, matrices and batches.

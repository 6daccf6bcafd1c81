//! Logic: `and`, `or` and `not`, and the operators `&`, `|` and `!`, which overwrite an operand
//! that is owned and shares its buffer with nobody.

use std::ops::{BitAnd, BitOr, Not};

use crate::kernel::{map_block, map2_block};
use crate::operand::Operand;
use crate::owned;
use crate::tensor::Tensor;

impl Tensor<bool> {
    /// Where both hold: `mask & other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn and(&self, other: impl Operand<bool>) -> Self {
        self & other
    }

    /// Where at least one holds: `mask | other`. Broadcasts.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn or(&self, other: impl Operand<bool>) -> Self {
        self | other
    }

    /// Where it does not hold: `!mask`.
    #[must_use]
    pub fn not(&self) -> Self {
        !self
    }
}

/// Where both hold. Broadcasts; panics when the shapes do not.
impl<R: Operand<bool>> BitAnd<R> for Tensor<bool> {
    type Output = Tensor<bool>;
    #[track_caller]
    fn bitand(self, other: R) -> Tensor<bool> {
        owned::map2("and", self, other.operand(), |a, b, out| map2_block(a, b, out, |a, b| a & b))
    }
}

/// As by value.
impl<R: Operand<bool>> BitAnd<R> for &Tensor<bool> {
    type Output = Tensor<bool>;
    #[track_caller]
    fn bitand(self, other: R) -> Tensor<bool> {
        self.clone() & other
    }
}

/// Where at least one holds. Broadcasts; panics when the shapes do not.
impl<R: Operand<bool>> BitOr<R> for Tensor<bool> {
    type Output = Tensor<bool>;
    #[track_caller]
    fn bitor(self, other: R) -> Tensor<bool> {
        owned::map2("or", self, other.operand(), |a, b, out| map2_block(a, b, out, |a, b| a | b))
    }
}

/// As by value.
impl<R: Operand<bool>> BitOr<R> for &Tensor<bool> {
    type Output = Tensor<bool>;
    #[track_caller]
    fn bitor(self, other: R) -> Tensor<bool> {
        self.clone() | other
    }
}

/// Where it does not hold.
impl Not for Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        owned::map(self, |x, out| map_block(x, out, |x: bool| !x))
    }
}

/// As by value.
impl Not for &Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        !self.clone()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{disguises, panic_of};
    use crate::{Tensor, tensor};

    #[test]
    fn logic_follows_its_tables() {
        let (a, b) = (tensor![false, false, true, true], tensor![false, true, false, true]);
        assert_eq!(a.and(&b).to_vec(), [false, false, false, true]);
        assert_eq!(a.or(&b).to_vec(), [false, true, true, true]);
        assert_eq!(a.not().to_vec(), [true, true, false, false]);
        assert_eq!(a.and(true), a);
        assert_eq!(a.unsqueeze(1).or(&b).shape(), [4, 4]);
        assert_eq!(
            panic_of(|| a.and(tensor![true, true])),
            "and: shapes [4] and [2] do not broadcast: sizes 4 and 2 differ at axis 0"
        );
    }

    #[test]
    fn operators_are_the_methods_on_every_layout_by_value_and_by_reference() {
        let x = Tensor::from_fn([3, 4], |i| (i[0] * 4 + i[1]) % 3 == 0);
        let y = tensor![true, false, true, false];
        let at =
            |f: fn(bool, bool) -> bool| Tensor::from_fn([3, 4], |i| f(x[[i[0], i[1]]], y[[i[1]]]));
        let (and, or, not) = (at(|a, b| a && b), at(|a, b| a || b), at(|a, _| !a));
        let all = |results: [Tensor<bool>; 4], expected: &Tensor<bool>| {
            assert!(results.iter().all(|result| result == expected), "{results:?}");
        };
        for a in disguises(&x, true) {
            for b in disguises(&y, true) {
                all([&a & &b, a.clone() & b.clone(), &b & a.clone(), a.and(&b)], &and);
                all([&a | &b, a.clone() | b.clone(), &b | a.clone(), a.or(&b)], &or);
            }
            all([!&a, !a.clone(), a.not(), !!a.not()], &not);
        }
        assert_eq!(!tensor![true] | false, tensor![false]);
    }

    #[test]
    fn an_owned_mask_gives_its_buffer_to_the_result() {
        let a = Tensor::<bool>::full([2, 3], true);
        let at = a.as_slice().unwrap().as_ptr();
        let seen = &tensor![true, false, true];
        let b = !(seen & !a | true);
        assert_eq!((b.as_slice().unwrap().as_ptr(), b), (at, Tensor::full([2, 3], false)));
    }
}

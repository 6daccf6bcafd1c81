//! A margin around a tensor.

use smallvec::SmallVec;
use tensor::error::OrPanic;
use tensor::slice::Range;
use tensor::{Float, Scalar, kernel};

use crate::ops::place::Place;
use crate::ops::slice::Slice;
use crate::var::Var;

impl<'t, T: Float> Var<'t, T> {
    /// `before` and `after` elements of `value` around each axis, one pair an axis.
    ///
    /// # Panics
    /// When there is not one pair an axis, or the size overflows.
    #[track_caller]
    pub fn pad(self, margins: impl AsRef<[(usize, usize)]>, value: impl Scalar) -> Self {
        let (shape, margins, value) = (self.shape(), margins.as_ref(), value.to_f64());
        let padded = kernel::pad_shape(&shape, margins).or_panic();
        let ranges: SmallVec<[Range; 4]> = (shape.iter().zip(margins))
            .map(|(&d, &(before, _))| Range::from(before..before + d))
            .collect();
        let inside = Place { shape: padded.clone(), view: Slice { ranges: ranges.clone() } };
        let out = self.tape().apply(inside, [self]);
        if value == 0.0 {
            return out;
        }
        // Selected, not added: an infinite or NaN margin must not touch the inside.
        let ones = Place { shape: padded, view: Slice { ranges } };
        let inside = self.tape().apply(ones, [self.full_like(1.0)]).ne_to(0.0);
        inside.select(out, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::tensor;

    row!(pad: |x| x.pad([(1, 0), (0, 2)], 0.0); [any([2, 2]).or([0, 2]).or([1, 0])]);
    row!(pad_with_a_value: |x| x.pad([(0, 1), (2, 1)], 1.5); [any([2, 2]).or([0, 1])]);
    row!(pad_nothing: |x| x.pad([], 1.0); [any([])]);

    #[test]
    fn an_infinite_margin_stays_outside() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![1.0, 0.0, f64::NAN]);
        for value in [f64::INFINITY, f64::NAN, -2.0] {
            let y = x.pad([(1, 1)], value).value().to_vec();
            let expected = [value, 1.0, 0.0, f64::NAN, value];
            assert!(y.iter().zip(expected).all(|(y, e)| y.to_bits() == e.to_bits()), "{y:?}");
        }
        assert_eq!(slope(|x| x.pad([(1, 1)], f64::INFINITY), tensor![1.0, 0.0]), [1.0, 1.0]);
        masked(|[x]| x.pad([(1, 1)], f64::NAN));
    }

    // H2, tenferro#1066
    #[test]
    fn margins_that_do_not_fit_are_refused() {
        refuses(|[x]| x.pad([(1, 1)], 0.0), [&[2, 3]], "pad: 1 pairs for shape [2, 3] of rank 2");
        refuses(
            |[x]| x.pad([(usize::MAX, 1)], 0.0),
            [&[2]],
            "pad: shape [2] padded by [(18446744073709551615, 1)] overflows",
        );
        refuses(|[x]| x.pad([(1 << 61, 1)], 0.0), [&[2]], "overflows");
    }
}

//! Labels as rows of zeros and a one.

use tensor::{Error, Float, Shape, ShapeError, View, kernel};

use crate::op::DataOp;
use crate::var::Var;

/// 1 at the label, 0 elsewhere.
#[derive(Debug, PartialEq)]
pub struct OneHot {
    /// The number of classes.
    pub classes: usize,
}

impl<T: Float> DataOp<i64, T, 1> for OneHot {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        let mut shape = Shape::from_slice(x);
        shape.push(self.classes);
        tensor::shape::checked_len(&shape, size_of::<T>())?;
        Ok(shape)
    }

    fn forward(&self, [x]: [View<'_, i64>; 1], out: &mut [T]) -> Result<(), Error> {
        kernel::one_hot(x, self.classes, out)
    }
}

impl<'t> Var<'t, i64> {
    /// Each label as a row of `classes` numbers, 1 at the label and 0 elsewhere. A label outside of
    /// `0..classes` is an error of the evaluation.
    #[track_caller]
    pub fn one_hot<T: Float>(self, classes: usize) -> Var<'t, T> {
        self.tape().apply_data(OneHot { classes }, [self])
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::tensor;

    // What has no derivative has a row of what it decides.
    row!(weighed_by_labels: |x| x * x.argmin_axis(1).one_hot::<T>(3); [distinct([2, 3])]);

    #[test]
    fn a_label_out_of_range_is_an_error_that_names_the_line() {
        let tape = Tape::new();
        for bad in [3, -1] {
            let hot = tape.constant(tensor![0, bad]).one_hot::<f64>(3);
            let error = tape.eval(hot).unwrap_err();
            assert_eq!((error.op.as_str(), error.at.line()), ("one_hot", line!() - 2));
            assert!(
                error.to_string().contains(&format!("one_hot: label {bad} at position 1")),
                "{error}"
            );
        }
    }
}

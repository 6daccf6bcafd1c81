//! Reading and adding at indices.

use tensor::error::OrPanic;
use tensor::shape::Dims;
use tensor::{AnyView, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback};
use crate::var::Var;

const INDEX: &str = "an index is i64";

/// `y[i][j] = x[index[i][j]][j]` for axis 0, and so for any axis.
#[derive(Debug)]
pub struct Gather {
    /// The axis that is indexed.
    pub axis: usize,
}

/// `base`, with `src` added at indices: the adjoint of [`Gather`]. Repeated indices add up in the
/// order of `src`.
#[derive(Debug)]
pub struct ScatterAdd {
    /// The axis that is indexed.
    pub axis: usize,
}

impl<T: Float> Op<T, 1, 1> for Gather {
    fn shape(&self, [x]: [&[usize]; 1], [index]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        kernel::gather_shape("gather", x, self.axis as isize, index)
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        [d]: [AnyView<'_>; 1],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::gather(x, self.axis, d.get().expect(INDEX), out)
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1, 1>) -> [Option<Var<'t, T>>; 1] {
        let index = cx.d[0].typed().expect(INDEX);
        let zeros = cx.x[0].full_like(0.0);
        [Some(zeros.scatter_add(self.axis as isize, index, cx.g))]
    }
}

impl<T: Float> Op<T, 2, 1> for ScatterAdd {
    fn shape(
        &self,
        [base, src]: [&[usize]; 2],
        [index]: [&[usize]; 1],
    ) -> Result<Shape, ShapeError> {
        kernel::gather_shape("scatter_add", base, self.axis as isize, index)?;
        if src != index {
            let (src, index) = (Dims(src), Dims(index));
            return Err(ShapeError::new(format!(
                "scatter_add: source of shape {src} and index of shape {index} differ"
            )));
        }
        Ok(base.into())
    }

    fn forward(
        &self,
        [base, src]: [View<'_, T>; 2],
        [d]: [AnyView<'_>; 1],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::scatter_add(base, self.axis, d.get().expect(INDEX), src, out)
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 2, 1>) -> [Option<Var<'t, T>>; 2] {
        let index = cx.d[0].typed().expect(INDEX);
        [Some(cx.g), cx.when(1, || cx.g.gather(self.axis as isize, index))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The elements of `axis` at `index`, which has the rank of this variable and, off the axis, sizes
    /// no larger: `y[i][j] = x[index[i][j]][j]` for axis 0. An index out of range is an error of the
    /// evaluation.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn gather(self, axis: isize, index: Var<'t, i64>) -> Self {
        let axis = self.indexed("gather", axis);
        self.tape().apply_with(Gather { axis }, [self], [index.any()])
    }

    /// The entries of `axis` named by `index: [n]`, in that order: rows of a matrix, for axis 0. An
    /// index out of range is an error of the evaluation.
    ///
    /// # Panics
    /// When the axis is out of range or `index` is not a vector.
    #[track_caller]
    pub fn index_select(self, axis: isize, index: Var<'t, i64>) -> Self {
        let axis = self.indexed("index_select", axis);
        let n = match index.shape()[..] {
            [n] => n,
            _ => panic!("index_select: index of shape {:?} is not a vector", &index.shape()[..]),
        };
        let mut shape = self.shape();
        let mut column: Shape = smallvec::smallvec![1; shape.len()];
        (shape[axis], column[axis]) = (n, n);
        self.gather(axis as isize, index.reshape(column).broadcast_to(shape))
    }

    /// This variable with `src` added at `index` along `axis`:
    /// `y = self; y[index[i][j]][j] += src[i][j]` for axis 0. Repeated indices add up in the order of
    /// `src`. An index out of range is an error of the evaluation.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, index: Var<'t, i64>, src: Self) -> Self {
        let axis = self.indexed("scatter_add", axis);
        self.tape().apply_with(ScatterAdd { axis }, [self, src], [index.any()])
    }

    #[track_caller]
    fn indexed(self, op: &str, axis: isize) -> usize {
        tensor::shape::axis(op, axis, &self.shape()).or_panic()
    }
}

//! Reading and adding at indices.

use tensor::error::OrPanic;
use tensor::shape::Dims;
use tensor::{AnyView, Error, Float, Shape, ShapeError, View, kernel};

use crate::op::{Op, Pullback};
use crate::var::Var;

const INDEX: &str = "an index is i64";

/// What the indices of a [`Gather`] or a [`ScatterAdd`] are to whoever gave them, for errors to
/// say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Indices {
    /// Indices.
    Plain,
    /// The labels that an operation of this name was given.
    LabelsOf(&'static str),
}

impl Indices {
    fn blame(self, error: Error) -> Error {
        match self {
            Indices::Plain => error,
            Indices::LabelsOf(op) => error.of_labels(op),
        }
    }
}

/// `y[i][j] = x[index[i][j]][j]` for axis 0, and so for any axis.
#[derive(Debug, PartialEq)]
pub struct Gather {
    /// The axis that is indexed.
    pub axis: usize,
    /// What the indices are.
    pub indices: Indices,
}

/// The entries of an axis that a vector of indices names: rows of a matrix, for axis 0.
#[derive(Debug, PartialEq)]
pub struct IndexSelect {
    /// The axis that is indexed.
    pub axis: usize,
}

/// `base`, with `src` added at indices: the adjoint of [`Gather`]. Repeated indices add up in the
/// order of `src`.
#[derive(Debug, PartialEq)]
pub struct ScatterAdd {
    /// The axis that is indexed.
    pub axis: usize,
    /// What the indices are.
    pub indices: Indices,
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
        let done = kernel::gather(x, self.axis, d.get().expect(INDEX), out);
        done.map_err(|e| self.indices.blame(e))
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 1, 1>) -> [Option<Var<'t, T>>; 1] {
        let zeros = cx.x[0].full_like(0.0);
        let adjoint = ScatterAdd { axis: self.axis, indices: self.indices };
        [Some(cx.g.tape().apply_with(adjoint, [zeros, cx.g], cx.d))]
    }
}

impl<T: Float> Op<T, 1, 1> for IndexSelect {
    fn shape(&self, [x]: [&[usize]; 1], [index]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        kernel::index_select_shape(x, self.axis as isize, index)
    }

    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        [d]: [AnyView<'_>; 1],
        out: &mut [T],
    ) -> Result<(), Error> {
        kernel::index_select(x, self.axis, d.get().expect(INDEX), out)
    }

    /// That of the gather whose indices are the same all along the axis.
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1, 1>) -> [Option<Var<'t, T>>; 1] {
        let index: Var<'t, i64> = cx.d[0].typed().expect(INDEX);
        let shape = cx.g.shape();
        let mut column: Shape = smallvec::smallvec![1; shape.len()];
        column[self.axis] = shape[self.axis];
        let index = index.reshape(column).broadcast_to(shape);
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
        kernel::scatter_add_shape(base, self.axis as isize, index, src)
    }

    fn forward(
        &self,
        [base, src]: [View<'_, T>; 2],
        [d]: [AnyView<'_>; 1],
        out: &mut [T],
    ) -> Result<(), Error> {
        let done = kernel::scatter_add(base, self.axis, d.get().expect(INDEX), src, out);
        done.map_err(|e| self.indices.blame(e))
    }

    fn vjp<'t>(&self, cx: Pullback<'t, T, 2, 1>) -> [Option<Var<'t, T>>; 2] {
        let adjoint = Gather { axis: self.axis, indices: self.indices };
        [Some(cx.g), cx.when(1, || cx.g.tape().apply_with(adjoint, [cx.g], cx.d))]
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The elements of `axis` at `index`, which has the rank of this variable and, off the axis,
    /// sizes no larger: `y[i][j] = x[index[i][j]][j]` for axis 0. An index out of range is an error
    /// of the evaluation.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn gather(self, axis: isize, index: Var<'t, i64>) -> Self {
        let axis = self.indexed("gather", axis);
        self.tape().apply_with(Gather { axis, indices: Indices::Plain }, [self], [index.erase()])
    }

    /// The entries of `axis` named by `index: [n]`, in that order: rows of a matrix, for axis 0. An
    /// index out of range is an error of the evaluation.
    ///
    /// # Panics
    /// When the axis is out of range or `index` is not a vector.
    #[track_caller]
    pub fn index_select(self, axis: isize, index: Var<'t, i64>) -> Self {
        let axis = self.indexed("index_select", axis);
        self.tape().apply_with(IndexSelect { axis }, [self], [index.erase()])
    }

    /// This variable with `src` added at `index` along `axis`:
    /// `y = self; y[index[i][j]][j] += src[i][j]` for axis 0. Repeated indices add up in the order
    /// of `src`. An index out of range is an error of the evaluation.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, index: Var<'t, i64>, src: Self) -> Self {
        let axis = self.indexed("scatter_add", axis);
        let indices = Indices::Plain;
        self.tape().apply_with(ScatterAdd { axis, indices }, [self, src], [index.erase()])
    }

    /// The element of each row `[.., classes]` at its label `[..]`, on behalf of `op`: one number a
    /// row. A label outside of `0..classes` is an error of the evaluation, in the name of `op`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn at_labels(self, op: &'static str, labels: Var<'t, i64>) -> Self {
        self.assert_labelled(op, labels);
        let pick = Gather { axis: labels.rank(), indices: Indices::LabelsOf(op) };
        self.tape().apply_with(pick, [self], [labels.unsqueeze(-1).erase()]).squeeze(-1)
    }

    /// Checks that there is one label for each row.
    #[track_caller]
    pub(crate) fn assert_labelled(self, op: &str, labels: Var<'t, i64>) {
        let (x, l) = (self.shape(), labels.shape());
        if x.split_last().is_none_or(|(_, rows)| *rows != l[..]) {
            let (x, l) = (Dims(&x), Dims(&l));
            panic!("{op}: classes of shape {x} need one label a row, not labels of shape {l}");
        }
    }

    #[track_caller]
    fn indexed(self, op: &str, axis: isize) -> usize {
        tensor::shape::axis(op, axis, &self.shape()).or_panic()
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Tape;
    use tensor::{Tensor, tensor};

    // Repeated indices; in the second, an index smaller than the variable off the axis.
    row!(gather: |x| x.gather(1, x.tape().constant(tensor![[2, 0, 0, 1], [1, 1, 1, 0]])); [any([2, 3])]);
    row!(gather_part: |x| x.gather(0, x.tape().constant(tensor![[2, 0], [2, 1]])); [any([3, 3])]);
    row!(gather_nothing: |x| x.gather(0, x.tape().constant(Tensor::<i64>::zeros([0, 2]))); [any([3, 2]).or([0, 2])]);
    row!(at_labels: |x| x.at_labels("pick", x.tape().constant(tensor![2, 0])); [any([2, 3])]);
    row!(index_select: |x| x.index_select(1, x.tape().constant(tensor![2, 0, 2])); [any([2, 3]).or([0, 3])]);
    row!(index_select_rows: |x| x.index_select(-2, x.tape().constant(tensor![1, 1])); [any([2, 2]).or([2, 0])]);
    row!(scatter_add: |x, s| x.scatter_add(1, x.tape().constant(tensor![[2, 0, 2], [1, 1, 1]]), s); [any([2, 3]), any([2, 3])]);
    row!(scatter_add_part: |x, s| x.scatter_add(0, x.tape().constant(tensor![[2], [2]]), s); [any([3, 2]), any([2, 1])]);

    #[test]
    fn an_index_out_of_range_is_an_error_that_names_operation_and_line() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![[1.0, 2.0], [3.0, 4.0]]);
        for bad in [2, -1, i64::MAX] {
            let vector = tape.constant(tensor![0, bad]);
            let y = x.index_select(0, vector);
            let error = tape.eval(y).unwrap_err();
            assert_eq!((error.op.as_str(), error.at.file()), ("index_select", file!()));
            assert_eq!(error.at.line(), line!() - 3);
            let expected = format!("index_select: index {bad} at position 1 is out of range");
            assert!(error.to_string().contains(&expected), "{error}");
            let matrix = tape.constant(tensor![[0, 1], [0, bad]]);
            let error = tape.eval(x.gather(0, matrix)).unwrap_err();
            assert_eq!((error.op.as_str(), error.at.line()), ("gather", line!() - 1));
            assert!(error.to_string().contains(&format!("index {bad} at position 3")), "{error}");
            assert!(error.to_string().contains("out of range for 2 entries"), "{error}");
            let (index, ones) =
                (tape.constant(tensor![[bad, 0]]), tape.constant(tensor![[1.0, 1.0]]));
            let z = x.scatter_add(0, index, ones);
            let error = tape.eval(z).unwrap_err();
            assert_eq!((error.op.as_str(), error.at.line()), ("scatter_add", line!() - 2));
        }
        assert_eq!(x.sum().item(), 10.0);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        refuses(
            |[x]| x.gather(0, x.tape().constant(tensor![[0, 0, 0]])),
            [&[2, 2]],
            "gather: indices of shape [1, 3] do not lie within shape [2, 2] but for axis 0",
        );
        refuses(
            |[x]| x.index_select(0, x.tape().constant(tensor![[0]])),
            [&[2, 2]],
            "index_select: indices of shape [1, 1] are not a vector",
        );
        refuses(
            |[x, s]| x.scatter_add(0, x.tape().constant(tensor![[0, 0]]), s),
            [&[2, 2], &[2, 2]],
            "scatter_add: indices of shape [1, 2] and values of shape [2, 2] differ",
        );
        refuses(
            |[x]| x.gather(2, x.tape().constant(tensor![[0]])),
            [&[2, 2]],
            "gather: axis 2 is out of range for shape [2, 2] of rank 2",
        );
    }
}

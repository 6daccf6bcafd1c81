//! Joining along an axis, new or old, and splitting again.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use smallvec::SmallVec;
use tensor::error::OrPanic;
use tensor::{AnySliceMut, AnyView, Error, Float, View, kernel};

use crate::node::Sizes;
use crate::op::{GeneralRule, Pulled, Recorded, Rule, Site};
use crate::tape::Tape;
use crate::var::Var;

/// The inputs one after the other along an axis.
///
/// The only operation of any number of inputs: it implements what the tape makes of an
/// [`Op`](crate::Op), whose arity is in its type.
#[derive(PartialEq)]
pub struct Concat<T> {
    axis: usize,
    element: PhantomData<T>,
}

impl<T> Debug for Concat<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Concat").field("axis", &self.axis).finish()
    }
}

impl<T: Float> Rule for Concat<T> {
    /// The part of the cotangent that belongs to each input.
    fn pull(&self, tape: &Tape, site: &Site<'_>, out: &mut Pulled) {
        let g = Var::<T>::at(tape, site.g);
        let mut start = 0;
        let part = |(&x, &needed): (&u32, &bool)| {
            let size = Var::<T>::at(tape, x).shape()[self.axis];
            start += size;
            needed.then(|| g.narrow(self.axis as isize, start - size, size).id())
        };
        out.extend(site.x.iter().zip(site.needs).map(part));
    }
}

impl<T: Float> GeneralRule for Concat<T> {
    fn forward(&self, x: &[AnyView<'_>], out: AnySliceMut<'_>) -> Result<(), Error> {
        let typed = "the inputs of a concat have one type";
        let parts: SmallVec<[View<'_, T>; 4]> = x.iter().map(|v| v.get().expect(typed)).collect();
        kernel::concat(&parts, self.axis, out.get().expect(typed));
        Ok(())
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The variables one after the other along `axis`.
    ///
    /// # Panics
    /// When there is none, or their shapes differ off the axis.
    #[doc(alias = "cat")]
    #[track_caller]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        let Some(&first) = parts.first() else { panic!("concat: there is nothing to join") };
        let shapes: Vec<_> = parts.iter().map(|v| v.shape()).collect();
        let shapes: Vec<&[usize]> = shapes.iter().map(|s| &s[..]).collect();
        let axis = tensor::shape::axis("concat", axis, shapes[0]).or_panic();
        let shape = kernel::concat_shape(&shapes, axis as isize).or_panic();
        let op = Arc::new(Concat::<T> { axis, element: PhantomData });
        let mut ids = Vec::with_capacity(parts.len());
        for v in parts {
            v.erase().assert_on(first.tape(), &*op);
            ids.push(v.id());
        }
        first.tape().push_op(Recorded::SharedGeneral(op), [&ids, &[]], Sizes::Given(&shape), true)
    }

    /// The variables, of one shape, along a new axis before position `axis`; -1 adds it at the end.
    ///
    /// # Panics
    /// When there is none, their shapes differ, or the position is out of range.
    #[track_caller]
    pub fn stack(parts: &[Self], axis: isize) -> Self {
        let Some(first) = parts.first() else { panic!("stack: there is nothing to join") };
        if let Some(other) = parts.iter().find(|v| v.shape() != first.shape()) {
            let (first, other) = (first.shape(), other.shape());
            let (first, other) = (tensor::shape::Dims(&first), tensor::shape::Dims(&other));
            panic!("stack: shapes {first} and {other} differ");
        }
        if parts.iter().any(|v| !v.erase().is_on(first.tape())) {
            panic!("stack: its inputs are on different tapes");
        }
        let joined = if axis < 0 { axis + first.rank() as isize + 1 } else { axis };
        let mut raised = parts.to_vec();
        for part in &mut raised {
            *part = part.unsqueeze(axis);
        }
        Var::concat(&raised, joined)
    }

    /// Parts of the given sizes along `axis`, which they fill.
    ///
    /// # Panics
    /// When the axis is out of range, or the sizes do not add up to its size.
    #[track_caller]
    pub fn split(self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let shape = self.shape();
        let k = tensor::shape::axis("split", axis, &shape).or_panic();
        let total = sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if total != Some(shape[k]) {
            panic!(
                "split: sizes {} do not add up to axis {k} of shape {}",
                tensor::shape::Dims(sizes),
                tensor::shape::Dims(&shape)
            );
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(sizes.len());
        for &n in sizes {
            parts.push(self.narrow(axis, start, n));
            start += n;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::battery::*;
    use crate::Var;

    row!(concat: |a, b| Var::concat(&[a, b, a], 1); [any([2, 2]).or([2, 0]).or([2, 1]).or([0, 2]), any([2, 1]).or([2, 3]).or([2, 0]).or([0, 1])]);
    row!(concat_rows: |a, b| Var::concat(&[a, b], -2); [any([1, 3]).or([0, 3]).or([0, 3]), any([2, 3]).or([2, 3]).or([0, 3])]);
    row!(concat_one: |x| Var::concat(&[x], 0); [any([3]).or([0])]);
    row!(stack: |a, b| Var::stack(&[a, b], 1); [any([2, 3]).or([3]).or([2, 0]), any([2, 3]).or([3]).or([2, 0])]);
    row!(stack_last: |a, b| Var::stack(&[a, b], -1); [any([2, 3]).or([]), any([2, 3]).or([])]);
    row!(split: |x| { let p = x.split(1, &[1, 0, 2]); p[2] * p[0] + p[1].sum_keepdim(1) }; [any([2, 3]).or([0, 3])]);

    #[test]
    fn what_does_not_fit_is_refused() {
        refuses(
            |[a, b]| Var::concat(&[a, b], 1),
            [&[2, 3], &[3, 3]],
            "concat: shapes [2, 3] and [3, 3] (tensors 0 and 1) differ beside axis 1",
        );
        refuses(|[a, b]| Var::concat(&[a, b], 0), [&[2, 3], &[3]], "concat: shapes [2, 3] and [3]");
        refuses(
            |[a]| Var::concat(&[a], 2),
            [&[2, 3]],
            "concat: axis 2 is out of range for shape [2, 3]",
        );
        refuses(|[_]| Var::concat(&[], 0), [&[2]], "concat: there is nothing to join");
        refuses(|[_]| Var::stack(&[], 0), [&[2]], "stack: there is nothing to join");
        refuses(|[a, b]| Var::stack(&[a, b], 0), [&[2], &[3]], "stack: shapes [2] and [3] differ");
        refuses(
            |[a]| a.split(0, &[1, 2])[0],
            [&[2]],
            "split: sizes [1, 2] do not add up to axis 0 of shape [2]",
        );
    }
}

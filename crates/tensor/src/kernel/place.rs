//! A part in its place among equal elements: among zeros, the adjoint of a view; in a margin,
//! padding.

use smallvec::SmallVec;

use crate::blocks::{BLOCK, Reader, copy_run};
use crate::element::Element;
use crate::error::ShapeError;
use crate::kernel::assign;
use crate::layout::Layout;
use crate::par;
use crate::shape::distance;
use crate::view::View;

/// Writes the elements of `x` in row-major order to where `at`, a layout of `out` that shows no
/// element twice, has its own, and `among` elsewhere.
///
/// # Errors
/// When `at` leaves `out` or has another number of elements than `x`.
pub fn place<T: Element>(
    x: View<'_, T>,
    at: &Layout,
    among: T,
    out: &mut [T],
) -> Result<(), ShapeError> {
    match Window::of(at).filter(|window| window.fits(x.len(), out.len())) {
        None => {
            out.fill(among);
            assign(x, at, out)
        }
        Some(window) => {
            let part = x.reader();
            par::for_parts(out, par::GRAIN_BYTES / size_of::<T>(), |start, out| {
                for (k, out) in out.chunks_mut(BLOCK).enumerate() {
                    window.write(&part, among, start + k * BLOCK, out);
                }
            });
            Ok(())
        }
    }
}

/// Where the elements of a part stand in a whole, each behind the one before: so that any stretch
/// of the whole has a stretch of the part.
#[derive(Clone, Debug)]
pub struct Window {
    offset: usize,
    /// `(size, stride)`, as merged, outermost first; a stride reaches beyond all of the runs
    /// inside.
    outer: SmallVec<[(usize, usize); 4]>,
    inner: (usize, usize),
}

impl Window {
    /// That of a layout, if its elements ascend: an axis that is walked backwards or stands in
    /// another's place does not.
    pub fn of(layout: &Layout) -> Option<Self> {
        let mut reach = 0;
        let mut runs: SmallVec<[(usize, usize); 4]> = SmallVec::new();
        for (size, stride) in layout.merged().into_iter().rev() {
            let stride = usize::try_from(stride).ok().filter(|&stride| stride > reach)?;
            reach += size.checked_sub(1)? * stride;
            runs.push((size, stride));
        }
        runs.reverse();
        let inner = runs.pop().unwrap_or((1, 1));
        Some(Window { offset: layout.offset(), outer: runs, inner })
    }

    /// Whether it shows `part` elements of `whole`.
    pub fn fits(&self, part: usize, whole: usize) -> bool {
        let runs = || self.outer.iter().chain([&self.inner]);
        let last = self.offset + runs().map(|&(size, stride)| (size - 1) * stride).sum::<usize>();
        runs().map(|&(size, _)| size).product::<usize>() == part && last < whole
    }

    /// How many elements stand before `position`.
    fn before(&self, position: usize) -> usize {
        let Some(mut rest) = position.checked_sub(self.offset) else { return 0 };
        let mut count = 0;
        for &(size, stride) in &self.outer {
            let whole = (rest / stride).min(size);
            count = count * size + whole;
            rest -= whole * stride;
            if whole == size {
                rest = 0; // all of them stand before
            }
        }
        let (size, stride) = self.inner;
        count * size + rest.div_ceil(stride).min(size)
    }

    /// Where in the whole run `row` begins.
    fn run(&self, row: usize) -> usize {
        let outer = self.outer.iter().map(|&(size, stride)| (size, stride as isize));
        self.offset + distance(outer, row) as usize
    }

    /// Writes elements `start..start + out.len()` of the whole, at most [`BLOCK`]: those of the
    /// part, and `among` between them.
    ///
    /// # Panics
    /// When the part has fewer elements than the window.
    pub fn write<T: Element>(&self, part: &Reader<'_, T>, among: T, start: usize, out: &mut [T]) {
        let (first, end) = (self.before(start), self.before(start + out.len()));
        if first == end {
            return out.fill(among);
        }
        let mut scratch = part.scratch();
        let mut x = part.block_at(first, end - first, &mut scratch);
        let (size, stride) = self.inner;
        let (mut row, mut within) = (first / size, first % size);
        let &(rows, step) = self.outer.last().unwrap_or(&(usize::MAX, 0));
        let (mut at, mut left) = (self.run(row), rows - row % rows);
        let mut done = 0;
        while !x.is_empty() {
            let count = (size - within).min(x.len());
            let from = at + within * stride - start;
            if stride == 1 {
                copy_run(&[among], 0, 0, &mut out[done..], from - done);
                copy_run(x, 0, 1, &mut out[from..], count);
                done = from + count;
            } else {
                let last = from + (count - 1) * stride;
                out[done..=last].fill(among);
                let own = out[from..=last].iter_mut().step_by(stride);
                own.zip(x).for_each(|(out, &x)| *out = x);
                done = last + 1;
            }
            x = &x[count..];
            (row, within, left) = (row + 1, 0, left - 1);
            at = match left {
                0 => self.run(row),
                _ => at + step,
            };
            left = if left == 0 { rows } else { left };
        }
        out[done..].fill(among);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s;
    use crate::slice::Range;
    use crate::tensor::Tensor;

    fn counted(shape: &[usize]) -> Tensor<f32> {
        let len = shape.iter().product::<usize>();
        Tensor::from_vec((1..=len).map(|i| i as f32).collect(), shape).unwrap()
    }

    /// Parts of a whole of shape `[60, 90, 7]`, which has many blocks.
    fn windows(whole: &Layout) -> Vec<Layout> {
        let slices: [&[Range]; 9] = [
            &s![1..],
            &s![..-1, ..],
            &s![.., 1..88],
            &s![.., .., 3..4],
            &s![1..;3, ..;4, ..;2],
            &s![7, .., -1],
            &s![59, 89, 6],
            &s![2..2],
            &s![..;-1, 3..40, ..;-2],
        ];
        let mut all: Vec<Layout> = slices.iter().map(|&s| whole.slice(s).unwrap()).collect();
        all.push(whole.permute(&[1, 0, 2]).unwrap());
        all.push(whole.diagonal(-3, 0, 1).unwrap());
        all.push(whole.clone());
        all
    }

    #[test]
    fn a_part_stands_in_its_place_among_others() {
        let whole = Layout::contiguous(&[60, 90, 7], 4).unwrap();
        for at in windows(&whole) {
            let part = counted(at.shape());
            let axes: Vec<usize> = (0..at.rank()).rev().collect();
            let shape: Vec<usize> = at.shape().iter().rev().copied().collect();
            let turned = Tensor::from_vec(part.permute(&axes).to_vec(), shape).unwrap();
            let turned = turned.permute(&axes);
            let mut expected = vec![-1.0; whole.len()];
            assign(part.view(), &at, &mut expected).unwrap();
            for x in [part, turned] {
                let mut out = vec![f32::NAN; whole.len()];
                place(x.view(), &at, -1.0, &mut out).unwrap();
                assert!(out == expected, "{at:?}");
                // Stretches that begin and end anywhere.
                let Some(window) = Window::of(&at) else { continue };
                for len in [1, 7, 640, 2047] {
                    out.fill(f32::NAN);
                    for (k, out) in out.chunks_mut(len).enumerate() {
                        window.write(&x.view().reader(), -1.0, k * len, out);
                    }
                    assert!(out == expected, "{at:?} in parts of {len}");
                }
            }
        }
    }

    #[test]
    fn only_what_ascends_is_a_window() {
        let whole = Layout::contiguous(&[6, 9], 4).unwrap();
        let is = |l: Result<Layout, ShapeError>| Window::of(&l.unwrap()).is_some();
        assert!(is(whole.slice(&s![1..;2, 3..])) && is(whole.diagonal(1, 0, 1)));
        assert!(!is(whole.flip(1)) && !is(whole.permute(&[1, 0])));
        assert!(!is(whole.slice(&s![1]).unwrap().broadcast_to(&[2, 9])));
    }

    #[test]
    fn what_leaves_the_whole_is_refused() {
        let at = Layout::contiguous(&[2, 3], 4).unwrap();
        assert!(place(counted(&[2, 3]).view(), &at, 0.0, &mut [0.0; 5]).is_err());
        assert!(place(counted(&[2, 2]).view(), &at, 0.0, &mut [0.0; 6]).is_err());
    }
}

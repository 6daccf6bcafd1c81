//! Layouts, views and readers against a model that knows nothing of strides.

mod regressions;

use proptest::prelude::*;

use crate::layout::Layout;
use crate::shape::unravel;
use crate::slice::Range;
use crate::testing::disguises;
use crate::{Tensor, View};

/// A tensor as its elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    shape: Vec<usize>,
    values: Vec<i64>,
}

impl Model {
    /// The model of `shape` whose element at each index is the one that stood at `source(index)`.
    fn view(&self, shape: &[usize], source: impl Fn(&[usize]) -> Vec<usize>) -> Model {
        let mut values = Vec::new();
        for flat in 0..shape.iter().product() {
            let from = source(&unravel(flat, shape));
            assert_eq!(from.len(), self.shape.len());
            values.push(self.values[from.iter().zip(&self.shape).fold(0, |at, (i, d)| at * d + i)]);
        }
        Model { shape: shape.to_vec(), values }
    }
}

/// A stream of small choices, so that one drawn number decides all about one view.
struct Choices(u64);

impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    /// Picks one of the `n` entries of an axis, counted from either end.
    fn signed(&mut self, i: usize, n: usize) -> isize {
        if self.below(2) == 0 { i as isize } else { i as isize - n as isize }
    }
}

/// One view of the tensor and of the model, chosen by `seed`; the same pair where the choice does
/// not apply.
fn step(x: &Tensor<i64>, m: &Model, seed: u64) -> (Tensor<i64>, Model) {
    let c = &mut Choices(seed);
    let (shape, rank) = (&m.shape[..], m.shape.len());
    match c.below(8) {
        0 => {
            let mut axes: Vec<usize> = (0..rank).collect();
            (1..rank).rev().for_each(|i| axes.swap(i, c.below(i + 1)));
            let to: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
            let source = |index: &[usize]| {
                (0..rank).map(|a| index[axes.iter().position(|&b| b == a).unwrap()]).collect()
            };
            (x.permute(&axes), m.view(&to, source))
        }
        1 if rank > 0 => {
            let axis = c.below(rank);
            let source = |index: &[usize]| {
                let mut from = index.to_vec();
                from[axis] = shape[axis] - 1 - from[axis];
                from
            };
            (x.flip(c.signed(axis, rank)), m.view(shape, source))
        }
        2 => slice(x, m, c),
        3 if rank < 5 => {
            let lead = c.below(2);
            let mut to = vec![1 + c.below(2); lead];
            to.extend(shape.iter().map(|&d| if d == 1 { c.below(4) } else { d }));
            let source = |index: &[usize]| {
                index[lead..].iter().zip(shape).map(|(&i, &d)| if d == 1 { 0 } else { i }).collect()
            };
            (x.broadcast_to(&to), m.view(&to, source))
        }
        4 if rank >= 2 => {
            let a = c.below(rank);
            let b = (a + 1 + c.below(rank - 1)) % rank;
            let k = c.below(7) as isize - 3;
            let (down, right) = ((-k).max(0) as usize, k.max(0) as usize);
            let len = shape[a].saturating_sub(down).min(shape[b].saturating_sub(right));
            let others: Vec<usize> = (0..rank).filter(|&i| i != a && i != b).collect();
            let mut to: Vec<usize> = others.iter().map(|&i| shape[i]).collect();
            to.push(len);
            let source = |index: &[usize]| {
                let mut from = vec![0; rank];
                others.iter().zip(index).for_each(|(&o, &i)| from[o] = i);
                from[a] = index[rank - 2] + down;
                from[b] = index[rank - 2] + right;
                from
            };
            (x.diagonal_of(k, c.signed(a, rank), c.signed(b, rank)), m.view(&to, source))
        }
        5 if rank < 5 => {
            let axis = c.below(rank + 1);
            let mut to = shape.to_vec();
            to.insert(axis, 1);
            let model = Model { shape: to, values: m.values.clone() };
            (x.unsqueeze(c.signed(axis, rank + 1)), model)
        }
        6 if shape.contains(&1) => {
            let axis = shape.iter().position(|&d| d == 1).unwrap();
            let mut to = shape.to_vec();
            to.remove(axis);
            (x.squeeze(c.signed(axis, rank)), Model { shape: to, values: m.values.clone() })
        }
        7 => {
            let mut to = Vec::new();
            let mut rest = m.values.len();
            while rest > 1 && to.len() < 4 {
                let divisors: Vec<usize> = (1..=rest).filter(|d| rest.is_multiple_of(*d)).collect();
                let d = divisors[c.below(divisors.len())];
                to.push(d);
                rest /= d;
            }
            if rest != 1 || c.below(3) == 0 {
                to.push(rest);
            }
            (x.reshape(&to), Model { shape: to, values: m.values.clone() })
        }
        _ => (x.clone(), m.clone()),
    }
}

fn slice(x: &Tensor<i64>, m: &Model, c: &mut Choices) -> (Tensor<i64>, Model) {
    let mut ranges = Vec::new();
    let mut picked: Vec<Vec<usize>> = Vec::new();
    let mut kept = Vec::new();
    for (k, &d) in m.shape.iter().enumerate() {
        if d > 0 && c.below(5) == 0 {
            let i = c.below(d);
            ranges.push(Range::Index(c.signed(i, d)));
            picked.push(vec![i]);
            continue;
        }
        let (start, end) = (c.below(d + 1), c.below(d + 1));
        let step = [1, 2, 3, -1, -2, -3][c.below(6)];
        // A negative bound counts from the end, so the end itself has none.
        let from = if start < d { c.signed(start, d) } else { start as isize };
        let to = if end < d { Some(c.signed(end, d)) } else { None };
        ranges.push(Range::Span { start: from, end: to, step });
        let mut entries: Vec<usize> = (start..end).collect();
        if step < 0 {
            entries.reverse();
        }
        picked.push(entries.into_iter().step_by(step.unsigned_abs()).collect());
        kept.push(k);
    }
    let to: Vec<usize> = kept.iter().map(|&k| picked[k].len()).collect();
    let source = |index: &[usize]| {
        let mut from: Vec<usize> = picked.iter().map(|p| p.first().copied().unwrap_or(0)).collect();
        kept.iter().zip(index).for_each(|(&k, &i)| from[k] = picked[k][i]);
        from
    };
    (x.slice(&ranges), m.view(&to, source))
}

/// Everything that reads a layout agrees with the model.
fn check(x: &Tensor<i64>, m: &Model, c: &mut Choices) {
    assert_eq!(x.shape(), m.shape);
    assert_eq!(x.len(), m.values.len());
    assert_eq!(x.to_vec(), m.values);
    assert!(x.iter().eq(m.values.iter().copied()));
    assert_eq!(x.to_contiguous().as_slice(), Some(&m.values[..]));
    if let Some(slice) = x.as_slice() {
        assert_eq!(slice, m.values);
    }
    let l = x.layout();
    let again = Layout::new(l.shape(), l.strides(), l.offset(), x.view().buffer().len(), 8);
    assert_eq!(again.as_ref(), Ok(l), "a layout that its own constructor refuses or changes");
    let reader = x.reader();
    for _ in 0..4 {
        let start = c.below(m.values.len() + 1);
        let len = c.below(m.values.len() - start + 1);
        let mut out = vec![-1; len + 1];
        reader.copy(start, &mut out[..len]);
        assert_eq!(out[..len], m.values[start..start + len]);
        assert_eq!(out[len], -1);
        assert_eq!(reader.block(start, len, &mut out), &m.values[start..start + len]);
        assert_eq!(
            reader.block_at(start, len, &mut reader.scratch()),
            &m.values[start..start + len]
        );
    }
    if let (Some(period), false) = (reader.period(), m.values.is_empty()) {
        assert_eq!(m.values[period..], m.values[..m.values.len() - period]);
    }
    let mut twice = vec![-1; 2 * m.values.len()];
    reader.copy(0, &mut twice);
    assert_eq!(twice, m.values.repeat(2), "after the last element comes the first again");
    if m.shape.len() == 3 {
        for (flat, value) in m.values.iter().enumerate() {
            let [_, b, c] = m.shape[..] else { unreachable!() };
            assert_eq!(x[[flat / c / b, flat / c % b, flat % c]], *value);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn chains_of_views_read_what_the_model_reads(
        shape in proptest::collection::vec(0usize..5, 0..4),
        seeds in proptest::collection::vec(any::<u64>(), 0..8),
    ) {
        let len: usize = shape.iter().product();
        let mut x = Tensor::arange(0, len as i64, 1).reshape(&shape);
        let mut m = Model { shape, values: (0..len as i64).collect() };
        check(&x, &m, &mut Choices(1));
        for seed in seeds {
            (x, m) = step(&x, &m, seed);
            check(&x, &m, &mut Choices(seed));
            if m.values.len() > 300 {
                break;
            }
        }
    }

    #[test]
    fn parts_of_a_block_and_of_many_blocks_are_read_alike(
        start in 0usize..3000, len in 0usize..2500, kind in 0usize..6,
    ) {
        let x = Tensor::arange(0, 66 * 77, 1i64).reshape([66, 77]);
        let x = &disguises(&x, -1)[kind];
        let len = len.min(x.len() - start);
        let mut scratch = vec![-2; len];
        let block = x.reader().block(start, len, &mut scratch).to_vec();
        prop_assert!(block.iter().copied().eq(start as i64..(start + len) as i64));
    }

    #[test]
    fn rows_that_repeat_are_read_alike_in_every_block(
        start in 0usize..3000, len in 0usize..2000, row in 1usize..2500, kind in 0usize..6,
    ) {
        let x = Tensor::arange(0, row as i64, 1i64).reshape([1, row]);
        let x = disguises(&x, -1)[kind].broadcast_to([5000 / row + 1, row]);
        let (reader, expected) = (x.reader(), (start..start + len).map(|i| (i % row) as i64));
        let mut scratch = reader.scratch();
        prop_assert!(reader.block_at(start, len, &mut scratch).iter().copied().eq(expected));
    }

    #[test]
    fn elements_that_repeat_are_read_alike_in_every_block(
        start in 0usize..3000, len in 0usize..2000, times in 1usize..40, kind in 0usize..6,
    ) {
        let x = Tensor::arange(0, 5000, 1i64).reshape([100, 50, 1]);
        let x = disguises(&x, -1)[kind].broadcast_to([100, 50, times]);
        let (reader, expected) = (x.reader(), (start..start + len).map(|i| (i / times) as i64));
        let mut out = vec![-1; len + 1];
        reader.copy(start, &mut out[..len]);
        prop_assert!(out[..len].iter().copied().eq(expected));
        prop_assert_eq!(out[len], -1);
    }
}

#[test]
fn the_constructor_accepts_exactly_what_stays_in_the_buffer() {
    fn lists(n: usize, from: isize, to: isize) -> Vec<Vec<isize>> {
        (0..n).fold(vec![vec![]], |all, _| {
            all.iter().flat_map(|l| (from..=to).map(|x| [&l[..], &[x]].concat())).collect()
        })
    }
    /// Offsets of all elements, by walking every index.
    fn places(shape: &[usize], strides: &[isize], offset: isize) -> Vec<isize> {
        shape.iter().zip(strides).fold(vec![offset], |all, (&d, &s)| {
            all.iter().flat_map(|at| (0..d as isize).map(move |i| at + i * s)).collect()
        })
    }
    for rank in 0..=3 {
        for sizes in lists(rank, 0, 3) {
            let shape: Vec<usize> = sizes.iter().map(|&d| d as usize).collect();
            for strides in lists(rank, -3, 3) {
                for offset in 0..8usize {
                    let len = 7 - (offset + rank) % 3;
                    let places = places(&shape, &strides, offset as isize);
                    let fits = places.iter().all(|p| (0..len as isize).contains(p));
                    let fits = if places.is_empty() { offset <= len } else { fits };
                    let layout = Layout::new(&shape, &strides, offset, len, 4);
                    assert_eq!(layout.is_ok(), fits, "{shape:?} {strides:?} {offset} {len}");
                    let Ok(layout) = layout else { continue };
                    let unused =
                        |(&d, &s): (&usize, &isize)| s == 0 || (d > 1 && !layout.is_empty());
                    assert!(shape.iter().zip(layout.strides()).all(unused));
                }
            }
        }
    }
}

#[test]
fn the_constructor_survives_numbers_that_overflow() {
    let huge = isize::MAX;
    for (shape, strides, offset) in [
        (&[3][..], &[huge][..], 0),
        (&[3], &[isize::MIN], 5),
        (&[2, 2], &[huge, huge], 1),
        (&[2], &[-1], 0),
        (&[1], &[0], usize::MAX),
        (&[usize::MAX], &[1], 0),
        (&[usize::MAX, usize::MAX], &[0, 0], 0),
        (&[0, usize::MAX, 2], &[0, 0, 0], 0),
        (&[0], &[1], 9),
        (&[1, 1], &[1], 0),
        (&[1; 17], &[0; 17], 0),
    ] {
        assert!(Layout::new(shape, strides, offset, 8, 4).is_err(), "{shape:?} {strides:?}");
    }
    assert!(Layout::new(&[1, 0], &[huge, huge], 8, 8, 4).is_ok());
    let data = [1.0f32; 4];
    let layout = Layout::contiguous(&[5], 4).unwrap();
    assert!(View::new(&data, &layout).is_err());
}

#[test]
fn what_lies_outside_of_a_view_does_not_change_its_results() {
    let x = Tensor::from_fn([3, 5], |i| (i[0] * 5 + i[1]) as f64 / 7.0 - 1.0);
    let bits = |x: Tensor<f64>| x.iter().map(f64::to_bits).collect::<Vec<_>>();
    let run = |x: &Tensor<f64>| {
        let all = [x.exp(), x.tanh(), x + x.flip(0), x * 2.0, -x, x.pow(2.5), x.map(|x| x + 1.0)];
        (all.map(bits), x.gt(0.0).select(x, 0.0).to_vec(), x.cast::<i64>().to_vec())
    };
    let expected = run(&x);
    for gap in [f64::NAN, f64::INFINITY, 1e300, -0.0] {
        for x in disguises(&x, gap) {
            assert_eq!(run(&x), expected, "{:?}", x.layout());
        }
    }
}

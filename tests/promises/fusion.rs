//! What a fused pass does beside its instructions: sums close it, parts are laid among zeros in it,
//! and nothing is computed twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use tape::{Closing, Op, Param, Pullback, Tape, Var};
use tensor::kernel::Window;
use tensor::{AnyView, Error, Float, Layout, Shape, ShapeError, Tensor, View, rng, s, tensor};

use super::evaluation::Counted;
use crate::support::{bits, pools};

/// A loss and a value that is kept.
type Made<'t, T> = [Var<'t, T>; 2];

/// Checks that what is made of `p` and its gradient have the same bits unfused and fused, on any
/// number of threads, met again, and evaluated alone.
fn same_bits<T: Float>(p: &Param<T>, what: &str, make: impl Fn(Var<'_, T>) -> Made<'_, T> + Sync) {
    let differentiated = |tape: Tape| {
        let [loss, kept] = make(tape.param(p));
        let grads = loss.backward();
        [bits(&loss.value()), bits(&kept.value()), bits(&grads[p])]
    };
    let known = differentiated(Tape::new().unfused());
    for pool in pools() {
        // From the third time on the program is recognised.
        for _ in 0..4 {
            assert!(pool.install(|| differentiated(Tape::new())) == known, "{what}");
        }
    }
    let tape = Tape::new();
    let values = tape.eval(make(tape.param(p))).unwrap();
    assert!(values.each_ref().map(bits)[..] == known[..2], "{what}, values alone");
}

fn normal<T: Float>(shape: impl AsRef<[usize]>) -> Param<T> {
    Param::new(Tensor::normal(shape, T::of(0.0), T::of(1.0), &mut rng(1)))
}

/// Sums and means of values made by one pass: of one value twice, of one that is read elsewhere,
/// and of one that is kept.
fn closed<T: Float>(x: Var<'_, T>) -> Made<'_, T> {
    let (y, z) = ((x * 3.0).tanh(), x.square() - 1.0);
    let kept = (y * z).keep();
    let of_sum = (z.sum().mean() - 1.0).sum();
    [y.sum() + y.mean() + (z / (y.sum() + 2.0)).sum() + kept.sum() * kept.mean() + of_sum, kept]
}

#[test]
fn sums_that_close_a_pass_have_the_bits_of_sums_of_what_is_stored() {
    for len in [0, 1, 7, 1023, 1025, 2047, 2048, 2049, 5000, 70_001] {
        let what = format!("{len}");
        same_bits(&normal::<f32>([len]), &what, closed);
        same_bits(&normal::<f64>([len]), &what, closed);
    }
}

/// Sums and means of rows of values made by one pass: several of one value, of one that is kept,
/// and of one that is read beside them; beside sums of rows of rows, of sums, and of everything.
fn rows<T: Float>(x: Var<'_, T>) -> Made<'_, T> {
    let (y, z) = ((x * 1.5).tanh(), x.square() - 0.5);
    let several = y.sum_axis(-1) * y.mean_axis(-1) - z.sum_axis(2);
    let kept = (y * z).keep();
    let again = kept / (kept.square().mean_keepdim(-1) + 2.0) + kept.exp();
    let nested = again.mean_axis([1, 2]) + again.sum_axis([-1, -2]) * again.mean();
    let of_sums = again.sum_keepdim(2).mean_keepdim(2).sum_axis(1) + z.sum_axis(2).sum_keepdim(1);
    [several.square().sum() + nested.sum() + of_sums.sum(), kept]
}

#[test]
fn sums_of_rows_that_close_a_pass_have_the_bits_of_sums_of_what_is_stored() {
    fn same<T: Float>() {
        for n in [0, 1, 3, 10, 64, 1000, 1024, 1025, 4096, 5000] {
            let [a, b] = [2, 4000_usize.div_ceil(n.max(10))];
            let (shape, what) = ([a, b, n], format!("[{a}, {b}, {n}]"));
            same_bits(&normal::<T>(shape), &what, rows);
            let turned = normal::<T>([b, n, a]);
            same_bits(&turned, &what, |x| rows(x.permute([2, 0, 1])));
            for own in [[1, 1, n], [1, b, 1], [a, 1, n], [a, b, 1]] {
                let what = format!("{what} of {own:?}");
                same_bits(&normal::<T>(own), &what, |x| rows(x.broadcast_to(shape)));
            }
        }
        same_bits(&normal::<T>([0, 3, 5]), "no rows", rows);
    }
    same::<f32>();
    same::<f64>();
}

/// Values that hang on `x` alone, for passes that wait for a number: read by one, by two, by one
/// and a sum, by a part, and kept.
fn waiting<T: Float>(x: Var<'_, T>) -> Made<'_, T> {
    let (a, b) = (x.square().mean() + 1.0, x.square().mean().exp() + x.sum());
    let (y, z, both) = ((x * 1.5).tanh(), x.exp(), x.sin());
    let (kept, summed) = ((z * 0.5).keep(), y * z);
    let one = (y * a + z / b).square().sum() + (both - a).square().mean() * (both * b).sum();
    let last = x.shape().len() as isize - 1;
    let part = (z * a).narrow(last, 0, x.shape()[last as usize] / 2);
    [one + summed.mean() * (summed / a).sum() + part.sum() + (kept * b).sum(), kept]
}

#[test]
fn what_waits_for_the_pass_that_reads_it_has_the_same_bits() {
    fn same<T: Float>() {
        for shape in [[2, 3], [1, 5000], [70, 90], [90, 777]] {
            same_bits(&normal::<T>(shape), &format!("{shape:?}"), waiting);
            let turned = normal::<T>([shape[1], shape[0]]);
            same_bits(&turned, &format!("{shape:?}, turned"), |x| waiting(x.t()));
            let whole = normal::<T>([shape[0] + 2, shape[1] + 3]);
            same_bits(&whole, &format!("{shape:?} of more"), |x| {
                waiting(x.narrow(0, 1, shape[0]).narrow(1, 2, shape[1]))
            });
            let row = normal::<T>([1, shape[1]]);
            same_bits(&row, &format!("{shape:?} of a row"), |x| waiting(x.broadcast_to(shape)));
        }
    }
    same::<f32>();
    same::<f64>();
}

/// Transposes that several passes read: of an input, of what is computed and dies, and of
/// what is kept.
fn across<T: Float>(x: Var<'_, T>) -> Made<'_, T> {
    let (input, once, kept) = (x.t(), (x * 1.5).tanh().t(), x.exp().t().keep());
    let sums = (input * once.square()).sum_axis(1) + (input - kept).square().mean_axis(1);
    let part = (kept.narrow(0, 1, 1) + input).pad([(1, 0), (0, 1)], 0.0) * 2.0;
    [(input * sums.unsqueeze(1) + once * kept).square().mean() + part.square().mean(), kept]
}

#[test]
fn transposes_that_passes_read_have_the_same_bits_and_stay_as_they_were() {
    fn same<T: Float>() {
        for shape in [[2, 3], [70, 90], [1024, 64]] {
            let p = normal::<T>(shape);
            let before = bits(p.value());
            same_bits(&p, &format!("{shape:?}"), across);
            assert_eq!(bits(p.value()), before);
        }
    }
    same::<f32>();
    same::<f64>();
}

/// Differences from what is repeated: rows, numbers of rows, a number, blocks; from both sides.
fn differences<T: Float>(x: Var<'_, T>) -> Made<'_, T> {
    let own = x - x.mean_keepdim(1) - x.index_axis(0, 0) - x.sum();
    let pairs = x.narrow(1, 0, 2).unsqueeze(1) - x.narrow(1, 1, 2);
    let kept = (x.mean_keepdim(0) - x).keep();
    [own.tanh().sum() + pairs.square().sum_axis(-1).exp().mean() + kept.square().mean(), kept]
}

#[test]
fn differences_from_what_is_repeated_have_the_same_bits() {
    for shape in [[2, 3], [60, 4], [50, 90]] {
        same_bits(&normal::<f32>(shape), &format!("{shape:?}"), differences);
        same_bits(&normal::<f64>(shape), &format!("{shape:?}"), differences);
        let turned = normal::<f64>([shape[1], shape[0]]);
        same_bits(&turned, &format!("{shape:?}, turned"), |x| differences(x.t()));
    }
}

#[test]
fn what_is_written_twice_is_computed_once_unless_it_is_asked_for() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    let p = Param::new(Tensor::<f64>::normal([3000], 0.0, 1.0, &mut rng(0)));
    let run = |keep: bool, tape: Tape| {
        let x = tape.param(&p);
        let [a, b] = [x, x].map(|x| tape.apply(Counted(&RAN), [x.square()]));
        let loss = (a * if keep { b.keep() } else { b }).sum();
        let before = RAN.load(Ordering::Relaxed);
        let grads = loss.backward();
        (bits(&grads[&p]), RAN.load(Ordering::Relaxed) - before)
    };
    let (known, twice) = run(false, Tape::new().unfused());
    assert_eq!(twice, 2);
    assert_eq!(run(false, Tape::new()), (known.clone(), 1));
    assert_eq!(run(true, Tape::new()), (known, 2), "a kept node has a value of its own");
}

/// Parts of a matrix used beside each other, in places that overlap, are apart and are the whole;
/// and a margin around it.
fn parts<'t, T: Float>(tape: &'t Tape, p: &Param<T>) -> [Var<'t, T>; 2] {
    let x = tape.param(p);
    let steps = (x.slice(s![1.., ..]) - x.slice(s![..-1, ..])).square().sum();
    let columns = (x.slice(s![.., ..;2]).tanh() * 3.0).sum() + x.slice(s![.., 1]).mean();
    let whole = (x.slice(s![..]).square() * x.flip(0)).sum();
    let kept = (x.pad([(1, 0), (2, 3)], 0.0) * 2.0 + 1.0).keep();
    [steps + columns + whole + kept.square().mean() + x.pad([(0, 1), (0, 0)], 7.0).sum(), kept]
}

#[test]
fn parts_laid_among_zeros_by_the_pass_that_reads_them_have_the_same_bits() {
    fn same<T: Float>() {
        for shape in [[2, 3], [40, 50], [50, 41], [300, 301], [3, 70_000]] {
            let p = Param::new(Tensor::<T>::normal(shape, T::of(0.0), T::of(1.0), &mut rng(1)));
            let gradient = |tape: Tape| {
                let [loss, kept] = parts(&tape, &p);
                let grads = loss.backward();
                [bits(&loss.value()), bits(&kept.value()), bits(&grads[&p])]
            };
            let known = gradient(Tape::new().unfused());
            for pool in pools() {
                for _ in 0..4 {
                    assert!(pool.install(|| gradient(Tape::new())) == known, "{shape:?}");
                }
            }
        }
    }
    same::<f32>();
    same::<f64>();
}

#[test]
fn the_gradient_of_differences_along_an_axis_is_their_differences() {
    let p = Param::new(Tensor::<f64>::from_fn([70, 90], |i| ((i[0] * i[1]) % 13) as f64));
    for axis in [0, 1] {
        let tape = Tape::new();
        let x = tape.param(&p);
        let size = p.shape()[axis];
        let d = x.narrow(axis as isize, 1, size - 1) - x.narrow(axis as isize, 0, size - 1);
        let grads = (d.square() * 0.5).sum().backward();
        let at = |mut i: [usize; 2], k: usize| {
            i[axis] = k;
            p.value()[i]
        };
        for i in (0..70 * 90).map(|k| [k / 90, k % 90]) {
            let k = i[axis];
            let before = if k > 0 { at(i, k) - at(i, k - 1) } else { 0.0 };
            let behind = if k + 1 < size { at(i, k + 1) - at(i, k) } else { 0.0 };
            assert_eq!(grads[&p][i], before - behind);
        }
    }
}

/// `2x`, which says of itself that it lays two elements among zeros.
#[derive(Debug, PartialEq)]
struct Misplaced;

impl<T: Float> Op<T, 1> for Misplaced {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        out.iter_mut().zip(x.as_slice().expect("a parameter")).for_each(|(out, &x)| *out = x + x);
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g * 2.0)]
    }
    fn window(&self) -> Option<Window> {
        Window::of(&Layout::contiguous(&[2], 8).ok()?)
    }
}

#[test]
fn a_window_of_another_size_than_the_part_is_no_member_of_a_pass() {
    let (tape, p) = (Tape::new(), Param::new(tensor![1.0, 2.0, 3.0]));
    let y = tape.apply(Misplaced, [tape.param(&p)]) + 1.0;
    assert_eq!(y.value(), tensor![3.0, 5.0, 7.0]);
}

/// The sums of three pairs, which says of itself that it sums rows whatever the shape.
#[derive(Debug, PartialEq)]
struct Pairs;

impl<T: Float> Op<T, 1> for Pairs {
    fn shape(&self, [_]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(Shape::from_slice(&[3]))
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        let x = x.as_slice().expect("it was computed");
        out.iter_mut().zip(x.chunks(2)).for_each(|(out, pair)| *out = pair[0] + pair[1]);
        Ok(())
    }
    fn vjp<'t>(&self, _: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [None]
    }
    fn closing(&self, _: &[usize]) -> Option<Closing> {
        Some(Closing::Sum)
    }
}

#[test]
fn a_fold_of_what_are_no_rows_closes_no_pass() {
    for n in [6, 7] {
        let tape = Tape::new();
        let x = tape.constant(Tensor::<f64>::from_fn([n], |i| i[0] as f64));
        let y = x * 2.0 + tape.constant(Tensor::<f64>::zeros([4000])).sum();
        assert_eq!(tape.apply(Pairs, [y]).value(), tensor![2.0, 10.0, 18.0], "{n}");
    }
}

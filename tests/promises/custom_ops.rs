//! Operations of users, of each kind, through the public API alone.

use tape::check::gradcheck;
use tape::{DataOp, DataPointwise, Op, Param, Pointwise, Pullback, Tape, Var, ViewOp};
use tensor::{AnySlice, AnyView, Error, Float, Layout, Shape, ShapeError, Tensor, View, tensor};

/// `x / (1 + |x|)`.
#[derive(Debug, PartialEq)]
struct Softsign;

impl<T: Float> Op<T, 1> for Softsign {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        for (out, x) in out.iter_mut().zip(x.to_vec()) {
            *out = x / (T::one() + x.abs());
        }
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, [x]) = (cx.g, cx.x);
        [Some(g / (1.0 + x.abs()).square())]
    }
}

/// `e^(-x²)`.
#[derive(Debug, PartialEq)]
struct Bell;

impl<T: Float> Pointwise<T, 1> for Bell {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (-(x * x)).exp();
        }
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        let (g, y, [x]) = (cx.g, cx.y, cx.x);
        [Some(-2.0 * (g * y * x))]
    }
}

/// The first two axes exchanged.
#[derive(Debug, PartialEq)]
struct Exchange;

impl ViewOp for Exchange {
    fn layout(&self, x: &Layout) -> Result<Option<Layout>, ShapeError> {
        x.swap_axes(0, 1).map(Some)
    }
    fn vjp<'t, T: Float>(&self, cx: Pullback<'t, T, 1>) -> Option<Var<'t, T>> {
        Some(cx.g.tape().apply(Exchange, [cx.g]))
    }
}

/// How many elements of each row are above 0.
#[derive(Debug, PartialEq)]
struct Positives;

impl<T: Float> DataOp<T, i64, 1> for Positives {
    fn shape(&self, [x]: [&[usize]; 1]) -> Result<Shape, ShapeError> {
        match x {
            [rows, _] => Ok(Shape::from_slice(&[*rows])),
            _ => Err(ShapeError::new(format!("positives: shape {x:?} is not a matrix"))),
        }
    }
    fn forward(&self, [x]: [View<'_, T>; 1], out: &mut [i64]) -> Result<(), Error> {
        let columns = x.shape()[1].max(1);
        for (out, row) in out.iter_mut().zip(x.to_vec().chunks(columns)) {
            *out = row.iter().filter(|&&x| x > T::zero()).count() as i64;
        }
        Ok(())
    }
}

/// Whether `a` is the double of `b`.
#[derive(Debug, PartialEq)]
struct Double;

impl DataPointwise<i64, bool, 2> for Double {
    fn block(&self, [a, b]: [&[i64]; 2], out: &mut [bool]) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = *a == 2 * b;
        }
    }
}

fn numbers(shape: [usize; 2]) -> Tensor<f64> {
    Tensor::uniform(shape, 0.2, 1.5, &mut tensor::rng(4))
}

#[test]
fn a_general_operation_checks_at_two_orders() {
    gradcheck(|[x]| x.tape().apply(Softsign, [x]), [numbers([2, 3])]).unwrap();
    gradcheck(|[x]| x.tape().apply(Softsign, [x.t()]).tanh(), [numbers([2, 3])]).unwrap();
}

#[test]
fn a_pointwise_operation_checks_at_two_orders_and_fuses() {
    gradcheck(|[x]| x.tape().apply(Bell, [x * 0.5]) * x, [numbers([2, 3])]).unwrap();
    let fused = Tape::new();
    let x = fused.constant(numbers([50, 70]));
    let y = fused.apply(Bell, [x.sin()]).exp();
    y.value();
    assert_eq!(fused.stats().bytes, 2 * 50 * 70 * 8, "its neighbours are not materialised");
}

#[test]
fn a_view_checks_at_two_orders_and_copies_nothing() {
    gradcheck(|[x]| x.tape().apply(Exchange, [x]).sin() * 2.0, [numbers([2, 3])]).unwrap();
    let tape = Tape::new();
    let x = tape.constant(numbers([2, 3]));
    let y = tape.apply(Exchange, [x]);
    assert!(y.value().shares_buffer(&x.value()));
    assert_eq!(y.shape()[..], [3, 2]);
}

#[test]
fn operations_without_a_derivative_are_recorded_and_replayed_alike() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![[1.0, -1.0], [2.0, 3.0]]);
    let counts = tape.apply_data(Positives, [x]);
    let doubled = tape.apply_data(Double, [counts, tape.constant(Tensor::scalar(1i64))]);
    assert_eq!(counts.value(), tensor![1i64, 2]);
    assert_eq!(doubled.value(), tensor![false, true]);
    assert!(!counts.is_tracked());
    let why = counts.cast::<f64>().sum().gradient(x).unwrap_err();
    assert!(why.to_string().contains("`positives`"), "{why}");
    let panic = crate::support::panic_of(|| tape.apply_data(Positives, [x.sum()]));
    assert_eq!(panic.file, file!());
}

/// The cube root, by Newton's method; slopes come from tapes of its own, within `forward`, and its
/// derivative from a derivative, within `vjp`.
#[derive(Debug, PartialEq)]
struct CubeRoot;

fn cube<'t, T: Float>(y: Var<'t, T>) -> Var<'t, T> {
    y * y * y
}

impl<T: Float> Op<T, 1> for CubeRoot {
    fn shape(&self, [x]: [&[usize]; 1], _: [&[usize]; 0]) -> Result<Shape, ShapeError> {
        Ok(x.into())
    }
    fn forward(
        &self,
        [x]: [View<'_, T>; 1],
        _: [AnyView<'_>; 0],
        out: &mut [T],
    ) -> Result<(), Error> {
        let x = Tensor::from_vec(x.to_vec(), x.shape())?;
        let mut y = Param::new(x.map(|x| T::one().max(x)));
        for _ in 0..40 {
            let tape = Tape::new();
            let error = cube(tape.param(&y)) - tape.constant(&x);
            let step = error.value() / &error.sum().backward()[&y];
            y.set(y.value() - &step);
        }
        out.copy_from_slice(&y.value().to_vec());
        Ok(())
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        // An inner backward on the very tape that is being swept, too.
        assert!(cube(cx.y).sum().backward().is_empty());
        let [slope] = cube(cx.y).sum().grad([cx.y]);
        [Some(cx.g / slope)]
    }
}

// F10, burn#5193
#[test]
fn an_operation_may_differentiate_inside_of_itself() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![8.0, 1.0, 27.0]);
    let y = tape.apply(CubeRoot, [x]);
    let [g] = y.sum().grad([x]);
    let (y, g) = tape.eval((y, g)).unwrap();
    assert!(y.allclose(&tensor![2.0, 1.0, 3.0], 1e-14, 0.0), "{y}");
    assert!(g.allclose(&tensor![1.0 / 12.0, 1.0 / 3.0, 1.0 / 27.0], 1e-13, 0.0), "{g}");
    gradcheck(|[x]| x.tape().apply(CubeRoot, [x]), [tensor![0.7, 2.5]]).unwrap();
}

/// Claims that the derivative of the identity is 2.
#[derive(Debug, PartialEq)]
struct Liar;

impl<T: Float> Pointwise<T, 1> for Liar {
    fn block(&self, [x]: [&[T]; 1], _: [AnySlice<'_>; 0], out: &mut [T]) {
        out.copy_from_slice(x);
    }
    fn vjp<'t>(&self, cx: Pullback<'t, T, 1>) -> [Option<Var<'t, T>>; 1] {
        [Some(cx.g * 2.0)]
    }
}

#[test]
fn a_wrong_rule_is_caught() {
    assert!(gradcheck(|[x]| x.tape().apply(Liar, [x]), [numbers([2, 2])]).is_err());
}

//! What the rows are tested on: numbers of a domain, and their arrangements in memory.

use tensor::slice::Range;
use tensor::{Float, Shape, Tensor};

/// The numbers an input may be. All are multiples of 1/64, hence exact in `f32`, and away from
/// whatever the domain excludes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Domain {
    /// -2 to 2.
    Any,
    /// ¼ to 2¼.
    Positive,
    /// ½ to 2, of either sign.
    Nonzero,
    /// -0.9 to 0.9.
    Unit,
    /// Pairwise different, within an input and among several.
    Distinct,
}

impl Domain {
    /// Number `k` of input `i`.
    fn number(self, k: usize, i: usize) -> f64 {
        // Multiples of the golden ratio are spread evenly.
        let u = ((k + 1) as f64 * 0.618_033_988_749_895 + i as f64 * 0.37 + 0.123).fract();
        let x = match self {
            Domain::Any => 4.0 * u - 2.0,
            Domain::Positive => 0.25 + 2.0 * u,
            Domain::Nonzero => (0.5 + 1.5 * u) * if (k * 7 + i) % 3 == 1 { -1.0 } else { 1.0 },
            Domain::Unit => 1.8 * u - 0.9,
            Domain::Distinct => ((k * 5 + 3) % 13) as f64 * 0.25 - 1.40625 + i as f64 * 0.125,
        };
        (x * 64.0).round() / 64.0
    }
}

/// A tensor of numbers of the domain, that of input `i`.
pub(crate) fn numbers<T: Float>(domain: Domain, shape: &[usize], i: usize) -> Tensor<T> {
    let mut k = 0;
    Tensor::from_fn(shape, |_| {
        k += 1;
        T::of(domain.number(k - 1, i))
    })
}

/// The shapes and the domain of an input. Shapes with the same place in their lists are used
/// together; a shorter list goes on with its last shape.
pub(crate) struct Input {
    domain: Domain,
    shapes: Vec<Shape>,
}

impl Input {
    fn new<const R: usize>(domain: Domain, shape: [usize; R]) -> Self {
        Input { domain, shapes: vec![Shape::from_slice(&shape)] }
    }

    /// Another shape.
    pub(crate) fn or<const R: usize>(mut self, shape: [usize; R]) -> Self {
        self.shapes.push(Shape::from_slice(&shape));
        self
    }

    pub(crate) fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// Whether the function has kinks where elements are equal.
    pub(crate) fn must_differ(&self) -> bool {
        self.domain == Domain::Distinct
    }

    /// The `k`-th tensor of this input, which is number `i` of its function.
    pub(crate) fn tensor(&self, k: usize, i: usize) -> Tensor<f64> {
        numbers(self.domain, &self.shapes[k.min(self.shapes.len() - 1)], i)
    }
}

pub(crate) fn any<const R: usize>(shape: [usize; R]) -> Input {
    Input::new(Domain::Any, shape)
}

pub(crate) fn positive<const R: usize>(shape: [usize; R]) -> Input {
    Input::new(Domain::Positive, shape)
}

pub(crate) fn nonzero<const R: usize>(shape: [usize; R]) -> Input {
    Input::new(Domain::Nonzero, shape)
}

pub(crate) fn distinct<const R: usize>(shape: [usize; R]) -> Input {
    Input::new(Domain::Distinct, shape)
}

/// The input of a function of any shape.
pub(crate) fn pointwise(domain: Domain) -> [Input; 1] {
    [Input::new(domain, [2, 3]).or([0, 3]).or([])]
}

/// The inputs of a function that broadcasts: equal shapes, an axis repeated, an axis added, an axis
/// of each repeated, empty, rank 0.
pub(crate) fn pair(a: Domain, b: Domain) -> [Input; 2] {
    [
        Input::new(a, [2, 3]).or([2, 1]).or([3]).or([2, 1]).or([4, 0]).or([]).or([]),
        Input::new(b, [2, 3]).or([2, 3]).or([2, 3]).or([1, 2]).or([4, 1]).or([2]).or([]),
    ]
}

/// Where in memory the elements of a tensor stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrangement {
    Transposed,
    Reversed,
    Strided,
}

impl Arrangement {
    pub(crate) const ALL: [Arrangement; 3] =
        [Arrangement::Transposed, Arrangement::Reversed, Arrangement::Strided];

    /// The same tensor, arranged so.
    pub(crate) fn of<T: Float>(self, x: &Tensor<T>) -> Tensor<T> {
        match self {
            Arrangement::Transposed => {
                let order: Shape = (0..x.rank()).rev().collect();
                x.permute(&order).to_contiguous().permute(&order)
            }
            Arrangement::Reversed => flipped(&flipped(x).to_contiguous()),
            Arrangement::Strided => {
                let values = x.to_vec();
                let larger: Shape = x.shape().iter().map(|d| 2 * d + 1).collect();
                let larger = Tensor::from_fn(&larger, |at| {
                    let flat = at.iter().zip(x.shape()).fold(0, |flat, (i, d)| flat * d + i / 2);
                    if at.iter().all(|i| i % 2 == 1) { values[flat] } else { T::of(f64::NAN) }
                });
                larger.slice(vec![Range::from(1..).step(2); x.rank()])
            }
        }
    }
}

fn flipped<T: Float>(x: &Tensor<T>) -> Tensor<T> {
    (0..x.rank() as isize).fold(x.clone(), |x, axis| x.flip(axis))
}

/// The first entry of an axis (which one depends on `i`) in place of all, by a stride of 0; `None`
/// if there is none.
pub(crate) fn repeated<T: Float>(x: &Tensor<T>, i: usize) -> Option<Tensor<T>> {
    if x.is_empty() || x.rank() == 0 {
        return None;
    }
    let axis = if i.is_multiple_of(2) { 0 } else { x.rank() - 1 };
    let mut ranges = vec![Range::from(..); axis];
    ranges.push(Range::from(0..1));
    Some(x.slice(ranges).broadcast_to(x.shape()))
}

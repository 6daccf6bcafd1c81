//! Level lines of a function of the plane.

use super::mark::{Mark, line};

/// The points where `f(x, y) = level`, in the rectangle `x` by `y`, on a grid of `n` by `n` cells.
///
/// Marching squares: each edge of a cell whose ends lie on different sides is crossed where the straight
/// line between the two values is; the crossings of a cell are joined in pairs. Separate pieces come in
/// one mark, with a gap that breaks the line between them.
pub fn contour(
    f: impl Fn(f64, f64) -> f64,
    level: f64,
    x: (f64, f64),
    y: (f64, f64),
    n: usize,
) -> Mark {
    let at = |(low, high): (f64, f64), i: usize| low + (high - low) * i as f64 / n as f64;
    let values: Vec<Vec<f64>> =
        (0..=n).map(|i| (0..=n).map(|j| f(at(x, j), at(y, i)) - level).collect()).collect();
    let mut segments = Vec::new();
    for i in 0..n {
        for j in 0..n {
            let corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)];
            let mut crossings = Vec::new();
            for k in 0..4 {
                let ((a, b), (c, d)) = (corners[k], corners[(k + 1) % 4]);
                let (p, q) = (values[a][b], values[c][d]);
                if (p < 0.0) != (q < 0.0) {
                    let t = p / (p - q);
                    let (from, to) = ((at(x, b), at(y, a)), (at(x, d), at(y, c)));
                    crossings.push((from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1)));
                }
            }
            segments.extend(crossings.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
    }
    line(chain(segments))
}

/// Joins segments end to end, as far as they go, with a gap after each chain.
fn chain(mut segments: Vec<((f64, f64), (f64, f64))>) -> Vec<(f64, f64)> {
    // Neighbouring cells compute a shared crossing from the same two values, but in the other direction.
    let same = |a: (f64, f64), b: (f64, f64)| {
        (a.0 - b.0).abs() + (a.1 - b.1).abs() <= 1e-9 * (1.0 + a.0.abs() + a.1.abs())
    };
    let mut points = Vec::new();
    while let Some((from, to)) = segments.pop() {
        let mut piece = std::collections::VecDeque::from([from, to]);
        loop {
            let (first, last) = (piece[0], piece[piece.len() - 1]);
            let next = segments.iter().position(|&(a, b)| {
                same(a, last) || same(b, last) || same(a, first) || same(b, first)
            });
            let Some(next) = next else { break };
            let (a, b) = segments.swap_remove(next);
            match () {
                () if same(a, last) => piece.push_back(b),
                () if same(b, last) => piece.push_back(a),
                () if same(a, first) => piece.push_front(b),
                () => piece.push_front(a),
            }
        }
        points.extend(piece);
        points.push((f64::NAN, f64::NAN));
    }
    points
}

//! Two classes of points in the plane that no line separates.
//!
//! All have labels 0 and 1 in turn, `n` points `[n, 2]` in all, and normal noise of standard
//! deviation `noise` on both coordinates.

use std::f64::consts::PI;

use rand::Rng;
use tensor::{Float, Tensor};

use super::Dataset;

/// A disc of radius 0.5 around the origin (class 0), and a ring of radius 1 around the disc (class
/// 1).
///
/// The points lie evenly, so that those of the ring leave no gap: `n / 2` angles for the ring, a
/// spiral of equal areas for the disc.
pub fn circles<T: Float>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Dataset<T> {
    let golden = PI * (3.0 - 5f64.sqrt());
    points(n, noise, rng, |class, i, t| match class {
        0 => polar(0.5 * t.sqrt(), golden * i as f64),
        _ => polar(1.0, 2.0 * PI * t),
    })
}

/// Two half moons of radius 1, each reaching into the other's hollow.
pub fn moons<T: Float>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Dataset<T> {
    points(n, noise, rng, |class, _, t| {
        let (x, y) = polar(1.0, PI * t);
        if class == 0 { (x - 0.5, y - 0.25) } else { (0.5 - x, 0.25 - y) }
    })
}

/// Clouds around the corners `(±1, ±1)`; class 1 where the signs differ.
pub fn xor<T: Float>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Dataset<T> {
    points(n, noise, rng, |class, i, _| {
        let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
        (sign, if class == 0 { sign } else { -sign })
    })
}

/// Two arms that wind once around the origin, one half a turn behind the other.
pub fn spirals<T: Float>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Dataset<T> {
    // Even along the arm, whose length grows with the square of the angle.
    points(n, noise, rng, |class, _, t| {
        let turn = (0.04 + 0.96 * t).sqrt();
        polar(turn, 2.0 * PI * turn + PI * class as f64)
    })
}

fn polar(radius: f64, angle: f64) -> (f64, f64) {
    (radius * angle.cos(), radius * angle.sin())
}

/// Points of class 0 and 1 in turn: `place` is told the class, which point of its class it is, and
/// where that is in `(0, 1)`.
fn points<T: Float>(
    n: usize,
    noise: f64,
    rng: &mut (impl Rng + ?Sized),
    place: impl Fn(usize, usize, f64) -> (f64, f64),
) -> Dataset<T> {
    let scatter = Tensor::<f64>::normal([n, 2], 0.0, noise, rng);
    let per_class = |class: usize| (n + 1 - class) / 2;
    let inputs = Tensor::from_fn([n, 2], |at| {
        let (class, i) = (at[0] % 2, at[0] / 2);
        let (x, y) = place(class, i, (i as f64 + 0.5) / per_class(class) as f64);
        T::of([x, y][at[1]] + scatter[[at[0], at[1]]])
    });
    let labels = Tensor::from_fn([n], |at| (at[0] % 2) as i64);
    Dataset::new(inputs, labels).expect("one label a point")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shape = fn(usize, f64, &mut tensor::Rng) -> Dataset<f64>;
    const ALL: [Shape; 4] = [circles, moons, xor, spirals];

    #[test]
    fn classes_are_of_equal_size_and_a_seed_means_the_same_points() {
        for shape in ALL {
            for n in [0, 1, 7, 40] {
                let (a, b) =
                    (shape(n, 0.1, &mut tensor::rng(1)), shape(n, 0.1, &mut tensor::rng(1)));
                assert_eq!(a, b);
                assert_eq!((a.len(), a.inputs().shape()), (n, &[n, 2][..]));
                assert_eq!(a.targets().iter().sum::<i64>(), n as i64 / 2);
            }
        }
    }

    #[test]
    fn without_noise_the_points_lie_on_their_shapes() {
        let mut rng = tensor::rng(0);
        let radius = |x: &Tensor<f64>, i: usize| x[[i, 0]].hypot(x[[i, 1]]);
        let rings = circles::<f64>(100, 0.0, &mut rng);
        for i in 0..100 {
            let r = radius(rings.inputs(), i);
            assert!(if i % 2 == 0 { r < 0.5 } else { (r - 1.0).abs() < 1e-12 }, "{i}: {r}");
        }
        let corners = xor::<f64>(8, 0.0, &mut rng);
        for i in 0..8 {
            let x = corners.inputs();
            assert_eq!(x[[i, 0]] * x[[i, 1]], if i % 2 == 0 { 1.0 } else { -1.0 });
        }
        // Each moon or arm is the other one turned by half a turn.
        for shape in [moons, spirals] as [Shape; 2] {
            let x = shape(50, 0.0, &mut rng).inputs().clone();
            for i in 0..25 {
                assert!((x[[2 * i, 0]] + x[[2 * i + 1, 0]]).abs() < 1e-12);
                assert!((x[[2 * i, 1]] + x[[2 * i + 1, 1]]).abs() < 1e-12);
            }
        }
    }
}

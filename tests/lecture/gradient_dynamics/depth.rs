//! Row 27: depth D, balanced: u' = D u^{2-2/D} (s - u).

use super::*;

/// `u(t)` of the equation, by classical Runge-Kutta steps from a time and strength to a later time.
fn solve(depth: usize, s: f64, u0: f64, t: f64, steps: usize) -> f64 {
    let depth = depth as f64;
    let slope = |u: f64| depth * u.powf(2.0 - 2.0 / depth) * (s - u);
    let h = t / steps as f64;
    (0..steps).fold(u0, |u, _| {
        let k1 = slope(u);
        let k2 = slope(u + h / 2.0 * k1);
        let k3 = slope(u + h / 2.0 * k2);
        let k4 = slope(u + h * k3);
        u + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
    })
}

/// When the strength is `u`, at depth 4, in closed form: with q = √u, q' = 2q²(s - q²).
fn time_at_depth_4(s: f64, u0: f64, u: f64) -> f64 {
    let primitive = |u: f64| {
        let q = u.sqrt();
        (-1.0 / q + (q / s.sqrt()).atanh() / s.sqrt()) / (2.0 * s)
    };
    primitive(u) - primitive(u0)
}

fn half_time(depth: usize, s: f64, u0: f64) -> f64 {
    let (mut u, mut t, h) = (u0, 0.0, 1e-2);
    while u < 0.5 * s {
        (u, t) = (solve(depth, s, u, h, 1), t + h);
    }
    t
}

// Equal factors stay equal, uᵢ = aᵢᴰ obeys the equation, and descent follows it to order η.
#[test]
fn descent_at_depth_d_follows_its_equation_to_order_eta() {
    let data = Data::new(&[1.5, 0.8], 3, 2, 21);
    for depth in 1..=5 {
        let a = 0.6;
        let errors = [0.02, 0.01, 0.005].map(|rate| {
            let mut model = data.aligned(&vec![vec![a; 2]; depth], 3, 4);
            let mut expected = [a.powi(depth as i32); 2];
            let mut worst = 0.0f64;
            descend(&mut model, [&data.x, &data.y], (rate, (3.0 / rate) as usize), |k, model| {
                for (i, found) in data.strengths(&model.product()).into_iter().enumerate() {
                    if k > 0 {
                        expected[i] = solve(depth, data.s[i], expected[i], rate, 4);
                    }
                    worst = worst.max((found - expected[i]).abs());
                }
            });
            worst
        });
        assert!(errors[2] < 0.02, "depth {depth}: {errors:?}");
        assert_halving(&errors);
    }
}

#[test]
fn depths_2_and_4_have_closed_forms() {
    for (s, u0) in [(1.5, 0.02), (0.7, 0.1)] {
        for t in [0.5, 2.0, 4.0] {
            let two = solve(2, s, u0, t, 2000);
            assert!((two - Mode::balanced(s, u0).at(t).strength()).abs() < 1e-10, "{s} {t}");
            let four = solve(4, s, u0, t, 2000);
            assert!((time_at_depth_4(s, u0, four) - t).abs() < 1e-8, "{s} {t} {four}");
        }
    }
}

// From equal strength the deeper network rests longer, and then learns faster: the plateau is
// 1 / (s (D - 2) a₀^{D-2}) long, where two layers need only (1/s) ln(1/a₀).
#[test]
fn depth_lengthens_the_plateau_and_steepens_the_rise() {
    let (s, u0) = (1.0, 1e-3);
    let halves = [2, 3, 4, 6].map(|depth| half_time(depth, s, u0));
    assert!(halves.is_sorted() && halves[3] > 7.0 * halves[0], "{halves:?}");
    for depth in [2usize, 3, 4, 6] {
        let d = depth as f64;
        let t = half_time(depth, s, u0);
        // The slope at u = s/2 is D (s/2)^{3-2/D}.
        let slope = (solve(depth, s, 0.5 * s, 1e-4, 1) - 0.5 * s) / 1e-4;
        assert!((slope - d * 0.5f64.powf(3.0 - 2.0 / d)).abs() < 1e-3, "{depth} {slope}");
        if depth > 2 {
            let a0 = u0.powf(1.0 / d);
            let plateau = 1.0 / (s * (d - 2.0) * a0.powf(d - 2.0));
            assert!((t / plateau - 1.0).abs() < 0.2, "{depth}: {t}, {plateau}");
        }
    }
}

//! What a fused pass does beside its instructions: sums close it, and nothing is computed twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use tape::{Param, Tape, Var};
use tensor::{Float, Tensor, rng};

use super::evaluation::Counted;
use crate::support::{bits, pools};

/// Sums and means of values made by one pass: of one value twice, of one that is read elsewhere, and of
/// one that is kept.
fn closed<'t, T: Float>(tape: &'t Tape, p: &Param<T>) -> [Var<'t, T>; 2] {
    let x = tape.param(p);
    let (y, z) = ((x * 3.0).tanh(), x.square() - 1.0);
    let kept = (y * z).keep();
    [y.sum() + y.mean() + (z / (y.sum() + 2.0)).sum() + kept.sum() * kept.mean(), kept]
}

/// The bits of the loss, the kept value, and the gradient.
fn differentiated<T: Float>(tape: Tape, p: &Param<T>) -> Vec<Vec<u64>> {
    let [loss, kept] = closed(&tape, p);
    let grads = loss.backward();
    vec![bits(&loss.value()), bits(&kept.value()), bits(&grads[p])]
}

fn same_bits<T: Float>() {
    for len in [0, 1, 7, 1023, 1025, 2047, 2048, 2049, 5000, 70_001] {
        let p =
            Param::new(Tensor::<T>::normal([len], T::of(0.0), T::of(1.0), &mut rng(len as u64)));
        let known = differentiated(Tape::new().unfused(), &p);
        for pool in pools() {
            // From the third time on the program is recognised.
            for _ in 0..4 {
                assert!(pool.install(|| differentiated(Tape::new(), &p)) == known, "{len}");
            }
        }
        let tape = Tape::new();
        let [loss, kept] = closed(&tape, &p);
        let values = tape.eval([loss, kept]).unwrap();
        assert!(values.each_ref().map(bits)[..] == known[..2], "{len}, values alone");
    }
}

#[test]
fn sums_that_close_a_pass_have_the_bits_of_sums_of_what_is_stored() {
    same_bits::<f32>();
    same_bits::<f64>();
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

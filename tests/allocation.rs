//! What takes nothing from the heap. A binary of its own: an allocator that counts writes zeros
//! where the system gives fresh pages, so what else is measured of memory would not hold beside it.

use allocation_counter::measure;
use nn::Mlp3;
use nn::optim::{Adam, Optimizer, Sgd};
use tape::{Param, Recording, spec};
use tensor::{Tensor, tensor};

/// The blocks that `f` takes from the heap once it is warm.
fn taken(mut f: impl FnMut()) -> u64 {
    (0..10).for_each(|_| f());
    measure(|| (0..10).for_each(|_| f())).count_total
}

#[test]
fn a_replay_of_a_tiny_program_takes_nothing_once_the_gradients_before_it_are_dropped() {
    let w = Param::new(tensor![[0.5, -0.25]]);
    let mut frozen = Param::new(tensor![[2.0]]);
    frozen.set_frozen(true);
    let mut step = Recording::new(spec::<f64>([3, 2]), |tape, x| {
        let factor = tape.param(&frozen).broadcast_to([3, 1]);
        (x.matmul(tape.param(&w).t()) * factor).tanh().keep().square().sum()
    });
    let (x, params) = (tensor![[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]], [&w, &frozen]);
    assert_eq!(taken(|| drop(step.replay(&params, x.clone()).unwrap())), 0);
    // Gradients that are held until the next are there: two memories, in turn.
    let mut held = step.replay(&params, x.clone()).unwrap();
    assert_eq!(taken(|| held = step.replay(&params, x.clone()).unwrap()), 0);
}

#[test]
fn a_step_of_a_tiny_model_and_its_optimiser_takes_nothing() {
    let mut model = Mlp3::<f32>::new(2, 4, &mut tensor::rng(0));
    let specs = (spec([5, 2]), spec([5, 1]));
    let mut step = nn::Recording::new(&model, specs, |_, model, (x, y)| model.loss(x, y));
    let [x, y] =
        [2, 1].map(|n| Tensor::<f32>::normal([5, n], 0.0, 1.0, &mut tensor::rng(n as u64)));
    let optimisers: [&mut dyn Optimizer; 3] =
        [&mut Sgd::new(1e-3), &mut Sgd::new(1e-3).momentum(0.9), &mut Adam::new(1e-3)];
    for optimiser in optimisers {
        let blocks = taken(|| {
            let (_, grads) = step.replay(&model, (x.clone(), y.clone())).unwrap();
            optimiser.step(&mut model, &grads).unwrap();
        });
        assert_eq!(blocks, 0, "{}", optimiser.settings());
    }
}

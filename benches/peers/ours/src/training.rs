//! Training steps: a loss of a module is recorded at each step, or once and replayed.

use nn::prelude::*;
use wire::{Bench, INPUT, PARAMETERS, RATE, Row, TARGET, layer_scale};

use crate::step::{Optim, step};
use crate::uniform;

pub fn make<T: Float>(row: &Row) -> Option<Box<dyn Bench>> {
    let sizes = &row.sizes[..];
    let x = |width| uniform::<T>(INPUT, &[sizes[0], width], 1.0);
    let sgd = || Optim::Sgd(Sgd::new(RATE));
    Some(match (&row.name[..], sizes) {
        ("mlp3", &[n, inputs, hidden]) => {
            let mut drawn = Layers::default();
            let theta = drawn.weight(inputs, hidden);
            let model = Mlp3 { theta, beta: drawn.weight(hidden, 1) };
            let data = (x(inputs), uniform(TARGET, &[n, 1], 1.0));
            step(row, model, sgd(), data, |_, model, (x, y)| model.loss(x, y))
        }
        ("mlp", [n, widths @ ..]) => {
            let model = Mlp { layers: Layers::default().stack(widths) };
            let labels = wire::labels(TARGET, *n, widths[widths.len() - 1]).collect();
            let labels: Tensor<i64> = Tensor::from_vec(labels, [*n]).expect("one a sample");
            let data = (x(widths[0]), labels);
            step(row, model, sgd(), data, |_, model, (x, labels)| {
                loss::cross_entropy(model.forward(x), labels)
            })
        }
        ("linear-ae", &[_, inputs, code, _]) => {
            let mut drawn = Layers::default();
            let c = drawn.weight(inputs, code);
            let model = LinearAutoencoder { c, d: drawn.weight(code, inputs) };
            step(row, model, sgd(), x(inputs), |_, model, x| model.loss(x))
        }
        ("deep-ae", [_, widths @ ..]) => {
            let model = Mlp { layers: Layers::default().stack(widths) };
            let adam = Optim::Adam(Adam::new(RATE));
            step(row, model, adam, x(widths[0]), |_, model, x| loss::mse(model.forward(x), x))
        }
        ("elementwise", _) => {
            let [a, b] = [0, 1].map(|k| Param::new(uniform(PARAMETERS + k, sizes, 1.0)));
            let data = uniform::<T>(INPUT, sizes, 1.0);
            step(row, Pair { a, b }, sgd(), data, |tape, model, x| {
                let (a, b) = (tape.param(&model.a), tape.param(&model.b));
                ((x * a + b).tanh() * (x * a).sigmoid()).sum()
            })
        }
        ("chain", &[nodes]) => {
            let [a, b] = [0.999, 0.01].map(|x| Param::new(Tensor::scalar(T::of(x))));
            let (model, data) = (Chain { a, b, nodes }, Tensor::scalar(T::zero()));
            step(row, model, Optim::None, data, |tape, model, _| {
                let (a, b) = (tape.param(&model.a), tape.param(&model.b));
                (0..model.nodes / 2).fold(b, |y, _| a * y + b)
            })
        }
        _ => return None,
    })
}

#[derive(Module)]
struct Pair<T: Float> {
    a: Param<T>,
    b: Param<T>,
}

#[derive(Module)]
struct Chain<T: Float> {
    a: Param<T>,
    b: Param<T>,
    #[module(skip)]
    nodes: usize,
}

/// Draws parameters in their order.
#[derive(Default)]
struct Layers(u32);

impl Layers {
    fn draw<T: Float>(&mut self, inputs: usize, shape: &[usize]) -> Tensor<T> {
        self.0 += 1;
        uniform(PARAMETERS + self.0 - 1, shape, layer_scale(inputs))
    }

    fn weight<T: Float>(&mut self, inputs: usize, outputs: usize) -> Param<T> {
        Param::new(self.draw(inputs, &[outputs, inputs]))
    }

    fn stack<T: Float>(&mut self, widths: &[usize]) -> Vec<Ridge<T>> {
        let last = widths.len() - 2;
        let ridge = |(k, pair): (usize, &[usize])| {
            let weight = self.draw(pair[0], &[pair[1], pair[0]]);
            let bias = self.draw(pair[0], &[pair[1]]);
            let activation = if k == last { Activation::Identity } else { Activation::Tanh };
            Ridge { linear: Linear::from_parts(weight, Some(bias)), activation }
        };
        widths.windows(2).enumerate().map(ridge).collect()
    }
}

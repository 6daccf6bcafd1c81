//! burn on its backend `flex`. Parameters are tensors; their gradients are taken out of the store,
//! so that an update can be in place.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData};
use wire::{Bench, INPUT, Kernel, PARAMETERS, RATE, Row, TARGET, layer_scale};

fn main() {
    wire::serve("burn 0.22 (flex)", |row| {
        if row.double || row.replay {
            return None;
        }
        Step::new(row).map(|step| Box::new(step) as Box<dyn Bench>).or_else(|| kernel(row))
    });
}

fn uniform<const D: usize>(seed: u32, shape: [usize; D], scale: f64) -> Tensor<D> {
    let values = wire::uniform(seed, shape.iter().product(), scale).map(|x| x as f32);
    let data = TensorData::new(values.collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex())
}

fn digest<const D: usize>(x: Tensor<D>) -> [f64; 2] {
    wire::digest(x.into_data().iter::<f64>())
}

/// A parameter: everything here is a matrix, vectors and scalars in rows.
fn param(x: Tensor<2>) -> Tensor<2> {
    x.autodiff().require_grad()
}

type Loss = fn(&Step) -> Tensor<1>;

struct Step {
    row: Row,
    data: Vec<Tensor<2>>,
    labels: Option<Tensor<2, Int>>,
    params: Vec<Tensor<2>>,
    /// Of Adam, and how many steps it has made.
    moments: Vec<[Tensor<2>; 2]>,
    steps: i32,
    loss: Loss,
}

impl Step {
    fn new(row: &Row) -> Option<Step> {
        let sizes = &row.sizes[..];
        let x = |n, width| uniform(INPUT, [n, width], 1.0).autodiff();
        let (data, params, loss): (_, _, Loss) = match (&row.name[..], sizes) {
            ("mlp3", &[n, inputs, hidden]) => {
                let data = vec![x(n, inputs), uniform(TARGET, [n, 1], 1.0).autodiff()];
                (data, layers(&[inputs, hidden, 1], false), mlp3)
            }
            ("mlp", [n, widths @ ..]) => (vec![x(*n, widths[0])], layers(widths, true), mlp),
            ("linear-ae", [n, widths @ ..]) => {
                (vec![x(*n, widths[0])], layers(widths, false), linear_ae)
            }
            ("deep-ae", [n, widths @ ..]) => {
                (vec![x(*n, widths[0])], layers(widths, true), deep_ae)
            }
            ("elementwise", &[n]) => {
                let drawn = [0, 1].map(|k| param(uniform(PARAMETERS + k, [1, n], 1.0)));
                (vec![x(1, n)], drawn.to_vec(), elementwise)
            }
            ("chain", _) => {
                let scalar = |x: f32| Tensor::from_data([[x]], &Device::flex());
                (vec![], vec![param(scalar(0.999)), param(scalar(0.01))], chain)
            }
            _ => return None,
        };
        let zeros =
            |p: &Tensor<2>| [p.clone().inner().zeros_like(), p.clone().inner().zeros_like()];
        let adam = row.name == "deep-ae";
        let moments = if adam { params.iter().map(zeros).collect() } else { Vec::new() };
        let labels = (row.name == "mlp").then(|| labels(row));
        Some(Step { row: row.clone(), data, labels, params, moments, steps: 0, loss })
    }

    fn loss(&self) -> Tensor<1> {
        (self.loss)(self)
    }

    fn gradients(&self, loss: &Tensor<1>) -> Vec<Tensor<2>> {
        let mut store = loss.backward();
        let taken = self.params.iter().map(|p| p.grad_remove(&mut store).expect("it is reached"));
        taken.collect()
    }
}

impl Bench for Step {
    fn step(&mut self) {
        let gradients = self.gradients(&self.loss());
        if self.row.name == "chain" {
            return;
        }
        self.steps += 1;
        for (k, g) in gradients.into_iter().enumerate() {
            let change = match self.moments.get_mut(k) {
                Some(moments) => adam(moments, g, self.steps),
                None => g.mul_scalar(RATE),
            };
            let old = self.params[k].clone().inner();
            self.params[k] = param(old - change);
        }
    }

    fn answer(&mut self) -> Vec<[f64; 2]> {
        let loss = self.loss();
        let mut found = vec![digest(loss.clone().inner())];
        found.extend(self.gradients(&loss).into_iter().map(digest));
        (0..3).for_each(|_| self.step());
        found.push(digest(self.loss().inner()));
        found
    }
}

fn adam([m, v]: &mut [Tensor<2>; 2], g: Tensor<2>, t: i32) -> Tensor<2> {
    *m = m.clone().mul_scalar(0.9) + g.clone().mul_scalar(0.1);
    *v = v.clone().mul_scalar(0.999) + (g.clone() * g).mul_scalar(0.001);
    let (m, v) = (m.clone().div_scalar(1.0 - 0.9f64.powi(t)), v.clone());
    let root = v.div_scalar(1.0 - 0.999f64.powi(t)).sqrt().add_scalar(1e-8);
    (m / root).mul_scalar(RATE)
}

/// Weights `[out, in]` and biases in their order.
fn layers(widths: &[usize], bias: bool) -> Vec<Tensor<2>> {
    let mut params = Vec::new();
    for pair in widths.windows(2) {
        for shape in [[pair[1], pair[0]], [1, pair[1]]].into_iter().take(1 + usize::from(bias)) {
            let seed = PARAMETERS + params.len() as u32;
            params.push(param(uniform(seed, shape, layer_scale(pair[0]))));
        }
    }
    params
}

fn half_squared_error(y: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
    let n = x.dims()[0];
    (y - x).square().sum().div_scalar(2.0 * n as f64)
}

fn forward(x: &Tensor<2>, params: &[Tensor<2>]) -> Tensor<2> {
    let mut x = x.clone();
    for (k, layer) in params.chunks(2).enumerate() {
        if k > 0 {
            x = x.tanh();
        }
        x = x.matmul(layer[0].clone().transpose()) + layer[1].clone();
    }
    x
}

fn mlp3(Step { data, params, .. }: &Step) -> Tensor<1> {
    let hidden = sigmoid(data[0].clone().matmul(params[0].clone().transpose()));
    half_squared_error(hidden.matmul(params[1].clone().transpose()), data[1].clone())
}

fn labels(row: &Row) -> Tensor<2, Int> {
    let (n, classes) = (row.sizes[0], row.sizes[row.sizes.len() - 1]);
    let labels: Vec<i64> = wire::labels(TARGET, n, classes).collect();
    Tensor::from_data(TensorData::new(labels, [n, 1]), &Device::flex()).autodiff()
}

fn mlp(Step { data, labels, params, .. }: &Step) -> Tensor<1> {
    let logs = log_softmax(forward(&data[0], params), 1);
    logs.gather(1, labels.clone().expect("it has labels")).mean().neg()
}

fn linear_ae(Step { data, params, .. }: &Step) -> Tensor<1> {
    let code = data[0].clone().matmul(params[0].clone().transpose());
    half_squared_error(code.matmul(params[1].clone().transpose()), data[0].clone())
}

fn deep_ae(Step { data, params, .. }: &Step) -> Tensor<1> {
    (forward(&data[0], params) - data[0].clone()).square().mean()
}

fn elementwise(Step { data, params, .. }: &Step) -> Tensor<1> {
    let product = data[0].clone() * params[0].clone();
    ((product.clone() + params[1].clone()).tanh() * sigmoid(product)).sum()
}

fn chain(Step { row, params, .. }: &Step) -> Tensor<1> {
    let (a, b) = (&params[0], &params[1]);
    let y = (0..row.sizes[0] / 2).fold(b.clone(), |y, _| a.clone() * y + b.clone());
    y.reshape([1])
}

fn kernel(row: &Row) -> Option<Box<dyn Bench>> {
    let shape = match row.sizes[..] {
        [n] => [1, n],
        [m, n] => [m, n],
        _ => return None,
    };
    let x = uniform(0, shape, 1.0);
    let y = |shape| uniform(1, shape, 1.0);
    Some(match &row.name[..] {
        "exp" => run(move || x.clone().exp()),
        "tanh" => run(move || x.clone().tanh()),
        "sigmoid" => run(move || sigmoid(x.clone())),
        "sum" => run(move || x.clone().sum()),
        "sum0" => run(move || x.clone().sum_dim(0)),
        "sum1" => run(move || x.clone().sum_dim(1)),
        "add" => {
            let y = y(shape);
            run(move || x.clone() + y.clone())
        }
        "bias" => {
            let y = y([1, shape[1]]);
            run(move || x.clone() + y.clone())
        }
        _ => return None,
    })
}

fn run<const D: usize>(f: impl Fn() -> Tensor<D> + 'static) -> Box<dyn Bench> {
    Box::new(Kernel { run: f, digests: |y| vec![digest(y)] })
}

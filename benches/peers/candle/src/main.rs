//! candle. Parameters are `Var`s, updated by its own optimisers.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::ops::sigmoid;
use candle_nn::{AdamW, Optimizer, ParamsAdamW, SGD, loss};
use wire::{Bench, INPUT, Kernel, PARAMETERS, RATE, Row, TARGET, layer_scale};

fn main() {
    wire::serve("candle 0.11", |row| {
        let step = Step::new(row).expect("it fits");
        step.map(|step| Box::new(step) as Box<dyn Bench>).or_else(|| kernel(row).expect("it fits"))
    });
}

fn uniform(row: &Row, seed: u32, shape: &[usize], scale: f64) -> Result<Tensor> {
    let values: Vec<f64> = wire::uniform(seed, shape.iter().product(), scale).collect();
    let kind = if row.double { DType::F64 } else { DType::F32 };
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(kind)
}

fn digest(x: &Tensor) -> Result<[f64; 2]> {
    let values: Vec<f64> = x.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
    Ok(wire::digest(values))
}

type Loss = fn(&Row, &[Tensor], &[Var]) -> Result<Tensor>;

enum Optim {
    None,
    Sgd(SGD),
    Adam(AdamW),
}

struct Step {
    row: Row,
    data: Vec<Tensor>,
    params: Vec<Var>,
    loss: Loss,
    optim: Optim,
}

impl Step {
    fn new(row: &Row) -> Result<Option<Step>> {
        let sizes = &row.sizes[..];
        let shape = |shape: &[usize]| uniform(row, INPUT, shape, 1.0);
        let (data, params, loss): (_, _, Loss) = match (&row.name[..], sizes) {
            _ if row.replay => return Ok(None),
            ("mlp3", &[n, inputs, hidden]) => {
                let data = vec![shape(&[n, inputs])?, uniform(row, TARGET, &[n, 1], 1.0)?];
                (data, layers(row, &[inputs, hidden, 1], false)?, mlp3)
            }
            ("mlp", [n, widths @ ..]) => {
                let labels = wire::labels(TARGET, *n, widths[widths.len() - 1]);
                let labels = Tensor::from_vec(labels.collect(), *n, &Device::Cpu)?;
                (vec![shape(&[*n, widths[0]])?, labels], layers(row, widths, true)?, mlp)
            }
            ("linear-ae", [n, widths @ ..]) => {
                (vec![shape(&[*n, widths[0]])?], layers(row, widths, false)?, linear_ae)
            }
            ("deep-ae", [n, widths @ ..]) => {
                (vec![shape(&[*n, widths[0]])?], layers(row, widths, true)?, deep_ae)
            }
            ("elementwise", _) => {
                let param = |k| Var::from_tensor(&uniform(row, PARAMETERS + k, sizes, 1.0)?);
                (vec![shape(sizes)?], vec![param(0)?, param(1)?], elementwise)
            }
            ("chain", _) => {
                let kind = if row.double { DType::F64 } else { DType::F32 };
                let scalar = |x: f64| Tensor::new(x, &Device::Cpu)?.to_dtype(kind);
                let param = |x| Var::from_tensor(&scalar(x)?);
                (vec![], vec![param(0.999)?, param(0.01)?], chain)
            }
            _ => return Ok(None),
        };
        let optim = match &row.name[..] {
            "chain" => Optim::None,
            "deep-ae" => {
                let plain = ParamsAdamW { lr: RATE, weight_decay: 0.0, ..Default::default() };
                Optim::Adam(AdamW::new(params.clone(), plain)?)
            }
            _ => Optim::Sgd(SGD::new(params.clone(), RATE)?),
        };
        Ok(Some(Step { row: row.clone(), data, params, loss, optim }))
    }

    fn loss(&self) -> Result<Tensor> {
        (self.loss)(&self.row, &self.data, &self.params)
    }

    fn try_step(&mut self) -> Result<()> {
        let gradients = self.loss()?.backward()?;
        match &mut self.optim {
            Optim::None => Ok(()),
            Optim::Sgd(sgd) => sgd.step(&gradients),
            Optim::Adam(adam) => adam.step(&gradients),
        }
    }

    fn try_answer(&mut self) -> Result<Vec<[f64; 2]>> {
        let loss = self.loss()?;
        let gradients = loss.backward()?;
        let mut found = vec![digest(&loss)?];
        for param in &self.params {
            found.push(digest(gradients.get(param).expect("it is reached"))?);
        }
        for _ in 0..3 {
            self.try_step()?;
        }
        found.push(digest(&self.loss()?)?);
        Ok(found)
    }
}

impl Bench for Step {
    fn step(&mut self) {
        self.try_step().expect("it fits");
    }

    fn answer(&mut self) -> Vec<[f64; 2]> {
        self.try_answer().expect("it fits")
    }
}

/// Weights `[out, in]` and biases in their order.
fn layers(row: &Row, widths: &[usize], bias: bool) -> Result<Vec<Var>> {
    let mut params = Vec::new();
    for pair in widths.windows(2) {
        let shapes: [&[usize]; 2] = [&[pair[1], pair[0]], &[pair[1]]];
        for shape in shapes.into_iter().take(1 + usize::from(bias)) {
            let seed = PARAMETERS + params.len() as u32;
            params.push(Var::from_tensor(&uniform(row, seed, shape, layer_scale(pair[0]))?)?);
        }
    }
    Ok(params)
}

fn half_squared_error(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    (y - x)?.sqr()?.sum_all()? / (2.0 * x.dim(0)? as f64)
}

fn forward(x: &Tensor, params: &[Var]) -> Result<Tensor> {
    let mut x = x.clone();
    for (k, layer) in params.chunks(2).enumerate() {
        if k > 0 {
            x = x.tanh()?;
        }
        x = x.matmul(&layer[0].t()?)?.broadcast_add(&layer[1])?;
    }
    Ok(x)
}

fn mlp3(_: &Row, data: &[Tensor], params: &[Var]) -> Result<Tensor> {
    let hidden = sigmoid(&data[0].matmul(&params[0].t()?)?)?;
    half_squared_error(&hidden.matmul(&params[1].t()?)?, &data[1])
}

fn mlp(_: &Row, data: &[Tensor], params: &[Var]) -> Result<Tensor> {
    loss::cross_entropy(&forward(&data[0], params)?, &data[1])
}

fn linear_ae(_: &Row, data: &[Tensor], params: &[Var]) -> Result<Tensor> {
    let code = data[0].matmul(&params[0].t()?)?;
    half_squared_error(&code.matmul(&params[1].t()?)?, &data[0])
}

fn deep_ae(_: &Row, data: &[Tensor], params: &[Var]) -> Result<Tensor> {
    loss::mse(&forward(&data[0], params)?, &data[0])
}

fn elementwise(_: &Row, data: &[Tensor], params: &[Var]) -> Result<Tensor> {
    let product = (&data[0] * params[0].as_tensor())?;
    ((&product + params[1].as_tensor())?.tanh()? * sigmoid(&product)?)?.sum_all()
}

fn chain(row: &Row, _: &[Tensor], params: &[Var]) -> Result<Tensor> {
    let (a, b) = (params[0].as_tensor(), params[1].as_tensor());
    let mut y = b.clone();
    for _ in 0..row.sizes[0] / 2 {
        y = ((a * &y)? + b)?;
    }
    Ok(y)
}

fn kernel(row: &Row) -> Result<Option<Box<dyn Bench>>> {
    let sizes = &row.sizes[..];
    let x = uniform(row, 0, sizes, 1.0)?;
    Ok(Some(match &row.name[..] {
        "exp" => run(move || x.exp()),
        "tanh" => run(move || x.tanh()),
        "sigmoid" => run(move || sigmoid(&x)),
        "sum" => run(move || x.sum_all()),
        "sum0" => run(move || x.sum(0)),
        "sum1" => run(move || x.sum(D::Minus1)),
        "transpose" => run(move || x.t()?.contiguous()),
        "add" => {
            let y = uniform(row, 1, sizes, 1.0)?;
            run(move || &x + &y)
        }
        "bias" => {
            let y = uniform(row, 1, &sizes[1..], 1.0)?;
            run(move || x.broadcast_add(&y))
        }
        _ => return Ok(None),
    }))
}

fn run(f: impl Fn() -> Result<Tensor> + 'static) -> Box<dyn Bench> {
    Box::new(Kernel {
        run: move || f().expect("it fits"),
        digests: |y| vec![digest(&y).expect("it is of floats")],
    })
}

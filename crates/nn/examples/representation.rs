//! Coordinate changes: what each layer of a small network makes of two classes that no line
//! separates.
//!
//! One picture each for circles, moons, XOR and spirals: the raw plane, then the representation of
//! every hidden layer, each with the best separating line there. In the raw plane the line fails;
//! after the last layer it is the network's own output layer, and does not. The grey lines are the
//! coordinate lines of the raw plane, bent by the layers.

mod plot;

use nn::data::{circles, moons, spirals, xor};
use nn::prelude::*;
use plot::{BLACK, BLUE, Figure, GREEN, ORANGE, Plot, contour, dots, line};

const ABOUT: &str = "Draws what the layers of small networks make of circles, moons, XOR and spirals:\n\
    representation_circles.svg, _moons, _xor and _spirals.";

fn main() {
    let dir = plot::out_dir(ABOUT);
    let mut draws = rng(11);
    let all: [(&str, Dataset<f64>, &[usize], usize); 4] = [
        ("circles", circles(160, 0.03, &mut draws), &[2, 3, 2, 1], 600),
        ("moons", moons(160, 0.06, &mut draws), &[2, 4, 2, 1], 600),
        ("XOR", xor(160, 0.25, &mut draws), &[2, 3, 2, 1], 150),
        ("spirals", spirals(200, 0.01, &mut draws), &[2, 12, 8, 2, 1], 1200),
    ];
    for (name, data, widths, steps) in all {
        eprintln!("training on {name}, {steps} steps");
        let mut net = Mlp::new(widths, Activation::Tanh, &mut rng(3));
        train(&mut net, data.inputs(), &column(&data), steps, |net, x| net.forward(x));
        let plots = (0..net.layers.len()).map(|depth| picture(&net, &data, depth));
        let columns = net.layers.len();
        Figure::new(plots)
            .columns(columns)
            .legend()
            .size(300.0, 320.0)
            .title(format!("{name}: a {} network", words(widths)))
            .save(&dir, &format!("representation_{}.svg", name.to_lowercase()));
    }
}

/// `2-3-2-1`.
fn words(widths: &[usize]) -> String {
    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// The labels as a column of 0 and 1.
fn column(data: &Dataset<f64>) -> Tensor<f64> {
    data.targets().cast::<f64>().reshape([data.len(), 1])
}

/// Trains on all points at once, to logits of class 1.
fn train<M: Module>(
    model: &mut M,
    x: &Tensor<f64>,
    y: &Tensor<f64>,
    steps: usize,
    logits: impl for<'t> Fn(&M, Var<'t, f64>) -> Var<'t, f64>,
) {
    let specs = (spec::<f64>(x.shape()), spec::<f64>(y.shape()));
    let mut step = Recording::new(&*model, specs, |_, model, (x, y)| {
        loss::binary_cross_entropy_logits(logits(model, x), y)
    });
    let mut adam = Adam::new(0.05);
    for _ in 0..steps {
        let (_, grads) = step.replay(model, (x.clone(), y.clone())).expect("the data is finite");
        adam.step(model, &grads).expect("every weight has a gradient");
    }
}

/// What the first `depth` layers make of the points.
fn representation(net: &Mlp<f64>, x: &Tensor<f64>, depth: usize) -> Tensor<f64> {
    let tape = Tape::inference();
    net.layers[..depth].iter().fold(tape.constant(x), |x, layer| layer.forward(x)).value()
}

/// The representation after `depth` layers, with its best line.
fn picture(net: &Mlp<f64>, data: &Dataset<f64>, depth: usize) -> Plot {
    let h = representation(net, data.inputs(), depth);
    let last = depth + 1 == net.layers.len();
    let classifier = if last {
        net.layers[depth].linear.clone()
    } else {
        let mut line = Linear::new(h.shape()[1], 1, &mut rng(0));
        train(&mut line, &h, &column(data), 800, |line, x| line.forward(x));
        line
    };
    let view = View::new(&classifier, &h);
    let signed = classifier.forward(Tape::inference().constant(&h)).value();
    let right = signed.iter().zip(data.targets().iter()).filter(|&(s, l)| (s > 0.0) == (l == 1));
    let percent = 100.0 * right.count() as f64 / data.len() as f64;
    let place = match depth {
        0 => "raw plane".to_string(),
        _ => format!("layer {depth}, {} units", h.shape()[1]),
    };
    let (x_name, y_name) = view.names(depth);
    let mut plot = Plot::new(format!("{place}: line right for {percent:.0} %")).x(x_name).y(y_name);
    let points = view.points(&h);
    let extent = |of: fn(&(f64, f64)) -> f64| {
        let all = points.iter().map(of);
        let (low, high) =
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let air = 0.1 * (high - low) + 0.05;
        (low - air, high + air)
    };
    let (across, up) = (extent(|p| p.0), extent(|p| p.1));
    plot = plot.x_range(across.0, across.1).y_range(up.0, up.1);
    if depth == 0 {
        plot = plot.equal();
    }
    for raw in coordinate_lines(data.inputs()) {
        let bent = view.points(&representation(net, &raw, depth));
        plot = plot.add(line(bent).color("#c4c4c4").width(0.7));
    }
    for (class, color) in [(0, BLUE), (1, ORANGE)] {
        let own = points.iter().zip(data.targets().iter()).filter(|(_, label)| *label == class);
        plot = plot.add(
            dots(own.map(|(&p, _)| p)).color(color).opacity(0.85).name(format!("class {class}")),
        );
    }
    if depth == 0 {
        let logit = |x: f64, y: f64| representation(net, &tensor![[x, y]], net.layers.len()).item();
        let boundary = contour(logit, 0.0, (-2.2, 2.2), (-2.2, 2.2), 140);
        plot = plot.add(boundary.color(GREEN).width(1.4).name("where the network is at 0"));
    }
    let name = if last { "output layer at 0" } else { "best line" };
    let line = line(view.line()).color(BLACK).width(1.6).name(name);
    plot.add(if last { line } else { line.dashed() })
}

/// Lines of constant `x₁` and of constant `x₂`, over the extent of the points.
fn coordinate_lines(x: &Tensor<f64>) -> Vec<Tensor<f64>> {
    let reach = x.abs().max().item() * 1.05;
    let at = |i: usize, n: usize| reach * (2.0 * i as f64 / n as f64 - 1.0);
    let lines = (0..=10).flat_map(|i| {
        [0, 1].map(|fixed| {
            Tensor::from_fn([81, 2], |p| if p[1] == fixed { at(i, 10) } else { at(p[0], 80) })
        })
    });
    lines.collect()
}

/// Two coordinates of a representation, in which the separating plane is a line.
struct View {
    /// Directions across and up, as columns `[k, 2]`, and what is added to the second.
    axes: Tensor<f64>,
    shift: f64,
    /// The line `w·p + b = 0` in these coordinates.
    w: (f64, f64),
    b: f64,
}

impl View {
    /// Two units are their own coordinates. Of more, the plane is seen from its edge: up is the
    /// distance from it, across is the direction within it along which the points spread the most.
    fn new(classifier: &Linear<f64>, h: &Tensor<f64>) -> View {
        let w = classifier.weight.value().index_axis(0, 0);
        let b = classifier.bias.as_ref().map_or(0.0, |b| b.value().item());
        if w.len() == 2 {
            return View { axes: Tensor::eye(2), shift: 0.0, w: (w[[0]], w[[1]]), b };
        }
        let length = w.norm().item();
        let normal = (&w / length).reshape([w.len(), 1]);
        let centred = h - h.mean_keepdim(0);
        let within = &centred - centred.matmul(&normal).matmul(&normal.t());
        let spread = within.svd().expect("the points are finite").vt.slice(s![..1, ..]).t();
        let axes = Tensor::concat(&[&spread, &normal], 1);
        View { axes, shift: b / length, w: (0.0, 1.0), b: 0.0 }
    }

    fn points(&self, h: &Tensor<f64>) -> Vec<(f64, f64)> {
        let p = h.matmul(&self.axes);
        (0..h.shape()[0]).map(|i| (p[[i, 0]], p[[i, 1]] + self.shift)).collect()
    }

    /// Two far points of the line.
    fn line(&self) -> [(f64, f64); 2] {
        let (u, v) = self.w;
        let square = u * u + v * v;
        let foot = (-self.b * u / square, -self.b * v / square);
        let far = 10.0 / square.sqrt();
        [1.0, -1.0].map(|side| (foot.0 - side * far * v, foot.1 + side * far * u))
    }

    fn names(&self, depth: usize) -> (String, String) {
        match (depth, self.axes.shape()[0]) {
            (0, _) => ("x₁".to_string(), "x₂".to_string()),
            (_, 2) => ("unit 1".to_string(), "unit 2".to_string()),
            _ => ("largest spread in the plane".to_string(), "distance from the plane".to_string()),
        }
    }
}

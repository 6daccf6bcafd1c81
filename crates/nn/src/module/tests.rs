//! Tests of modules and their derive.

use std::marker::PhantomData;

use tape::{Param, ParamId};
use tensor::{AnyTensor, DType, Float, Tensor};

use super::*;

fn param(shape: impl AsRef<[usize]>) -> Param<f64> {
    Param::new(Tensor::zeros(shape))
}

fn paths(module: &dyn Module) -> Vec<String> {
    module.named_parameters().into_iter().map(|(path, _)| path).collect()
}

#[derive(crate::Module)]
struct Affine<T: Float> {
    weight: Param<T>,
    bias: Option<Param<T>>,
    eps: f64,
    #[module(skip)]
    scale: T,
}

fn affine(bias: bool) -> Affine<f64> {
    Affine { weight: param([2, 3]), bias: bias.then(|| param([2])), eps: 1e-6, scale: 2.0 }
}

#[derive(crate::Module)]
struct Net<M> {
    first: M,
    r#type: (Param<f32>, Param<f64>),
    layers: Vec<Box<dyn Module>>,
    pair: [M; 2],
    mark: PhantomData<fn() -> M>,
}

fn net() -> Net<Affine<f64>> {
    Net {
        first: affine(true),
        r#type: (Param::new(Tensor::zeros([5])), param([])),
        layers: vec![Box::new(affine(false)), Box::new(param([4]))],
        pair: [affine(false), affine(false)],
        mark: PhantomData,
    }
}

#[test]
fn paths_follow_the_fields_in_their_order() {
    let net = net();
    assert!(net.first.eps > 0.0 && net.first.scale > 0.0);
    let expected = [
        "first.weight",
        "first.bias",
        "type.0",
        "type.1",
        "layers.0.weight",
        "layers.1",
        "pair.0.weight",
        "pair.1.weight",
    ];
    assert_eq!(paths(&net), expected);
    assert_eq!(net.parameter_count(), 6 + 2 + 5 + 1 + 6 + 4 + 6 + 6);
}

#[test]
fn both_visits_show_the_same_parameters() {
    let mut net = net();
    let shared: Vec<(String, ParamId)> =
        net.named_parameters().into_iter().map(|(path, p)| (path, p.id())).collect();
    let mutable: Vec<(String, ParamId)> =
        net.named_parameters_mut().into_iter().map(|(path, p)| (path, p.as_ref().id())).collect();
    assert_eq!(shared, mutable);
}

#[derive(crate::Module)]
struct Wrapper(Affine<f64>);

#[derive(crate::Module)]
struct Pair<A, B: Module>(A, #[module(skip)] std::time::Duration, B);

#[derive(crate::Module)]
struct Unit;

#[derive(crate::Module)]
enum Never {}

#[derive(crate::Module)]
enum Layer<T: Float> {
    Affine(Affine<T>),
    Both { left: Param<T>, right: Box<Layer<T>> },
    Nothing,
}

#[test]
fn tuple_structs_and_enums_are_modules() {
    assert_eq!(paths(&Wrapper(affine(true))), ["weight", "bias"]);
    let pair = Pair(param([1]), std::time::Duration::ZERO, affine(false));
    assert!(pair.1.is_zero());
    assert_eq!(paths(&pair), ["0", "2.weight"]);
    assert_eq!(paths(&Unit), [""; 0]);
    assert_eq!(paths(&None::<Never>), [""; 0]);
    let tree = Layer::Both { left: param([1]), right: Box::new(Layer::Affine(affine(true))) };
    assert_eq!(paths(&tree), ["left", "right.weight", "right.bias"]);
    assert_eq!(paths(&Layer::<f32>::Nothing), [""; 0]);
}

#[test]
fn parameters_are_found_by_their_type() {
    let (narrow, wide) = (Param::new(Tensor::<f32>::zeros([2])), param([3]));
    let both = (narrow, wide);
    let found = both.named_parameters();
    assert_eq!((found[0].1.dtype(), found[1].1.dtype()), (DType::F32, DType::F64));
    assert_eq!(found[0].1.get::<f32>().map(Param::id), Some(both.0.id()));
    assert!(found[0].1.get::<f64>().is_none());
    assert_eq!(found[1].1.value(), AnyTensor::F64(both.1.value().clone()));
}

#[test]
fn freezing_reaches_the_whole_or_a_part() {
    let frozen = |net: &Net<Affine<f64>>| {
        let all = net.named_parameters().into_iter();
        all.filter(|(_, p)| p.is_frozen()).map(|(path, _)| path).collect::<Vec<_>>()
    };
    let mut net = net();
    net.first.freeze();
    assert_eq!(frozen(&net), ["first.weight", "first.bias"]);
    net.unfreeze_under("first.bias");
    net.freeze_under("layers.0");
    assert_eq!(frozen(&net), ["first.weight", "layers.0.weight"]);
    net.freeze();
    assert_eq!(frozen(&net).len(), 8);
    net.unfreeze();
    assert_eq!(frozen(&net).len(), 0);
}

#[test]
#[should_panic(expected = "no parameter at or under `firs`; there are first.weight, first.bias")]
fn freezing_what_does_not_exist_panics() {
    net().freeze_under("firs");
}

#[test]
fn the_summary_is_a_table() {
    let mut affine = affine(true);
    affine.bias.freeze();
    let text = affine.summary().to_string();
    let expected = "\
parameter  shape      elements
weight     f64[2, 3]         6
bias       f64[2]            2  frozen
total                        8  2 frozen";
    assert_eq!(text, expected);
    assert_eq!(Unit.summary().to_string().lines().count(), 2);
}

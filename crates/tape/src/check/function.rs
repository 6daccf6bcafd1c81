//! What is checked: a function with a rule for its derivative, and lists of tensors as one vector.

use tensor::Tensor;
use tensor::shape::Shape;

use super::report::{Element, GradcheckError};

/// A function of tensors that claims to know its vector-Jacobian product.
///
/// [`gradcheck`](super::gradcheck) makes one of a closure of variables; implement it to check a
/// gradient that comes from elsewhere, with
/// [`Gradcheck::check_function`](super::Gradcheck::check_function).
pub trait Differentiable {
    /// The values of the outputs, or `None` where the function is not defined.
    fn value(&self, inputs: &[Tensor<f64>]) -> Option<Vec<Tensor<f64>>>;

    /// For each input, the sum over all outputs of their derivatives by it, weighted by
    /// `cotangents` (one for each output, of its shape).
    fn vjp(&self, inputs: &[Tensor<f64>], cotangents: &[Tensor<f64>]) -> Vec<Tensor<f64>>;

    /// What messages call an input.
    fn input_name(&self, input: usize) -> String {
        format!("input {input}")
    }

    /// What messages call an output.
    fn output_name(&self, output: usize) -> String {
        if output == 0 { "output".into() } else { format!("output {output}") }
    }
}

/// The shapes and names of several tensors, whose elements are counted through in row-major order.
pub(crate) struct Bundle {
    names: Vec<String>,
    shapes: Vec<Shape>,
}

impl Bundle {
    pub(crate) fn of(tensors: &[Tensor<f64>], name: impl Fn(usize) -> String) -> Self {
        let names = (0..tensors.len()).map(name).collect();
        Bundle { names, shapes: tensors.iter().map(|t| t.shape().into()).collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.sizes().sum()
    }

    pub(crate) fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.shapes.iter().map(|shape| shape.iter().product())
    }

    pub(crate) fn axes(&self) -> impl Iterator<Item = usize> + '_ {
        self.shapes.iter().flatten().copied()
    }

    /// Which tensor element `flat` belongs to, and its position there.
    pub(crate) fn place(&self, mut flat: usize) -> (usize, usize) {
        for (tensor, size) in self.sizes().enumerate() {
            if flat < size {
                return (tensor, flat);
            }
            flat -= size;
        }
        panic!("element {flat} lies behind the last tensor");
    }

    pub(crate) fn element(&self, flat: usize) -> Element {
        let (tensor, position) = self.place(flat);
        let index = tensor::shape::unravel(position, &self.shapes[tensor]);
        Element { tensor: self.names[tensor].clone(), index }
    }

    /// Tensors of these shapes with these elements.
    pub(crate) fn pack(&self, mut flat: &[f64]) -> Vec<Tensor<f64>> {
        let pack = |shape: &Shape| {
            let (head, tail) = flat.split_at(shape.iter().product());
            flat = tail;
            Tensor::from_vec(head.to_vec(), shape).expect("as many elements as the shape has")
        };
        self.shapes.iter().map(pack).collect()
    }

    /// Whether the tensors have these shapes.
    pub(crate) fn fits(&self, tensors: &[Tensor<f64>]) -> Result<(), GradcheckError> {
        assert_eq!(tensors.len(), self.shapes.len(), "gradcheck: one gradient for each input");
        for ((shape, name), tensor) in self.shapes.iter().zip(&self.names).zip(tensors) {
            if tensor.shape() != &shape[..] {
                return Err(GradcheckError::Shape {
                    tensor: name.clone(),
                    found: tensor.shape().to_vec(),
                    expected: shape.to_vec(),
                });
            }
        }
        Ok(())
    }
}

/// All elements, one tensor after the other.
pub(crate) fn flat(tensors: &[Tensor<f64>]) -> Vec<f64> {
    tensors.iter().flat_map(|t| t.to_vec()).collect()
}

//! The function under check at its inputs, with everything counted and every promise checked.

use std::cell::Cell;

use tensor::Tensor;

use super::function::{Bundle, Differentiable, flat};
use super::noise::{TABLES, noise};
use super::numeric::{self, Ladder, Numeric};
use super::random::Random;
use super::report::{Element, GradcheckError};

pub(crate) struct Subject<'a> {
    function: &'a dyn Differentiable,
    /// As given: the rule is asked with their layouts.
    given: &'a [Tensor<f64>],
    /// The same values side by side, which are what is perturbed.
    contiguous: Vec<Tensor<f64>>,
    pub(crate) inputs: Bundle,
    pub(crate) outputs: Bundle,
    pub(crate) point: Vec<f64>,
    value: Vec<f64>,
    /// Values nearby, for the noise.
    samples: [[Option<Vec<f64>>; 9]; 2],
    /// Of each output.
    noise: Vec<f64>,
    evaluations: Cell<usize>,
}

impl<'a> Subject<'a> {
    /// Evaluates the function and its rule, twice each: the bits must be the same, also for other
    /// layouts of the same inputs.
    pub(crate) fn new(
        function: &'a dyn Differentiable,
        given: &'a [Tensor<f64>],
        random: &mut Random,
    ) -> Result<Self, GradcheckError> {
        let inputs = Bundle::of(given, |i| function.input_name(i));
        let Some(value) = function.value(given) else {
            let element = Element { tensor: function.output_name(0), index: Vec::new() };
            return Err(GradcheckError::NotFinite { element, value: None });
        };
        let outputs = Bundle::of(&value, |i| function.output_name(i));
        let point = flat(given);
        let mut subject = Subject {
            function,
            given,
            contiguous: inputs.pack(&point),
            inputs,
            outputs,
            point,
            value: flat(&value),
            samples: Default::default(),
            noise: Vec::new(),
            evaluations: Cell::new(1),
        };
        finite(&subject.inputs, &subject.point)?;
        finite(&subject.outputs, &subject.value)?;
        subject.repeats(given, "each time it is computed")?;
        subject.repeats(&subject.contiguous, "for every layout of the inputs")?;
        subject.gradient_repeats(&random.normals(subject.value.len()))?;
        subject.sample_noise(random);
        Ok(subject)
    }

    pub(crate) fn evaluations(&self) -> usize {
        self.evaluations.get()
    }

    /// Sizes that a mean may divide by.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let bundles = [&self.inputs, &self.outputs];
        bundles.iter().flat_map(|b| b.sizes().chain(b.axes())).collect()
    }

    fn values(&self, inputs: &[Tensor<f64>]) -> Option<Vec<f64>> {
        self.evaluations.set(self.evaluations.get() + 1);
        let outputs = self.function.value(inputs)?;
        self.outputs.fits(&outputs).is_ok().then(|| flat(&outputs))
    }

    fn repeats(&self, x: &[Tensor<f64>], change: &'static str) -> Result<(), GradcheckError> {
        let again = self.values(x).unwrap_or_else(|| vec![f64::NAN; self.value.len()]);
        same(&self.outputs, &self.value, &again, change)
    }

    fn gradient_repeats(&self, cotangent: &[f64]) -> Result<(), GradcheckError> {
        let [first, again] = [self.vjp(cotangent)?, self.vjp(cotangent)?];
        let names =
            Bundle::of(self.given, |i| format!("the gradient of {}", self.function.input_name(i)));
        finite(&names, &first)?;
        same(&names, &first, &again, "each time it is computed")
    }

    /// The rule's gradient of the combination `cotangent` of all outputs.
    pub(crate) fn vjp(&self, cotangent: &[f64]) -> Result<Vec<f64>, GradcheckError> {
        let gradients = self.function.vjp(self.given, &self.outputs.pack(cotangent));
        self.inputs.fits(&gradients)?;
        Ok(flat(&gradients))
    }

    /// The values at `x + t direction`.
    fn shifted(&self, direction: &[f64], t: f64) -> Option<Vec<f64>> {
        let x: Vec<f64> = self.point.iter().zip(direction).map(|(x, d)| x + t * d).collect();
        self.values(&self.inputs.pack(&x))
    }

    /// Every element moves by some multiple of its own size, not below 1: one that hardly moves would
    /// show the noise of the others alone.
    fn sample_noise(&mut self, random: &mut Random) {
        let direction = random.normals(self.point.len());
        let far = |z: f64| z + z.signum();
        let direction: Vec<f64> =
            direction.iter().zip(&self.point).map(|(&z, x)| far(z) * x).collect();
        self.samples = TABLES.map(|table| table.map(|t| self.shifted(&direction, t)));
        self.noise = (0..self.value.len()).map(|i| self.noise_of(|v| v[i])).collect();
    }

    /// The noise of what `read` makes of the outputs.
    fn noise_of(&self, read: impl Fn(&[f64]) -> f64) -> f64 {
        let value = |sample: &Option<Vec<f64>>| sample.as_deref().map_or(f64::NAN, &read);
        noise(self.samples.each_ref().map(|table| table.each_ref().map(value)))
    }

    /// The derivatives of all outputs by element `column` of the inputs.
    pub(crate) fn by_element(&self, column: usize) -> Vec<Numeric> {
        let (tensor, position) = self.inputs.place(column);
        let mut x = self.contiguous.clone();
        let mut line = |s| {
            x[tensor].make_mut()[position] = s;
            self.values(&x)
        };
        let ladder = Ladder::coordinate(self.point[column]);
        numeric::derivative(&mut line, ladder, &self.value, &self.noise)
    }

    /// The derivatives of the combinations `rows` of the outputs along `direction`.
    pub(crate) fn along(&self, direction: &[f64], rows: &[Vec<f64>]) -> Vec<Numeric> {
        let combine = |values: &[f64]| rows.iter().map(|v| dot(v, values)).collect::<Vec<f64>>();
        let mut line = |t| self.shifted(direction, t).map(|values| combine(&values));
        let noise: Vec<f64> = rows.iter().map(|v| self.noise_of(|values| dot(v, values))).collect();
        numeric::derivative(&mut line, Ladder::direction(), &combine(&self.value), &noise)
    }
}

fn finite(bundle: &Bundle, values: &[f64]) -> Result<(), GradcheckError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => {
            Err(GradcheckError::NotFinite { element: bundle.element(i), value: Some(values[i]) })
        }
        None => Ok(()),
    }
}

fn same(
    bundle: &Bundle,
    first: &[f64],
    second: &[f64],
    change: &'static str,
) -> Result<(), GradcheckError> {
    match first.iter().zip(second).position(|(a, b)| a.to_bits() != b.to_bits()) {
        Some(i) => Err(GradcheckError::NotRepeatable {
            change,
            element: bundle.element(i),
            first: first[i],
            second: second[i],
        }),
        None => Ok(()),
    }
}

/// The inner product, by Neumaier's compensated sum: a cancelling sum must not add noise of its
/// own.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for term in a.iter().zip(b).map(|(a, b)| a * b) {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
}

//! What a check found, in words.

use std::fmt;

use tensor::shape::Dims;

/// What a passed check has looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Derivatives compared with differences.
    pub compared: usize,
    /// How often the function was evaluated.
    pub evaluations: usize,
    /// The largest difference, in units of what was tolerated: 0 to 1.
    pub worst: f64,
    /// Comparisons that said nothing and were [allowed to](super::Gradcheck::allow_inconclusive).
    pub inconclusive: usize,
}

impl Report {
    /// Both reports in one.
    pub(crate) fn and(self, other: Report) -> Report {
        Report {
            compared: self.compared + other.compared,
            evaluations: self.evaluations + other.evaluations,
            worst: self.worst.max(other.worst),
            inconclusive: self.inconclusive + other.inconclusive,
        }
    }
}

/// One element of an input or of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// What the tensor is called: `input 1`, `output`.
    pub tensor: String,
    /// Where in it; empty for rank 0.
    pub index: Vec<usize>,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tensor)?;
        if self.index.is_empty() { Ok(()) } else { write!(f, " {}", Dims(&self.index)) }
    }
}

/// What was differentiated: one element of the output by one of the inputs, or sums with random
/// weights over all of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Derivative {
    /// An entry of the Jacobian.
    Entry {
        /// By which element.
        input: Element,
        /// Of which element.
        output: Element,
    },
    /// Along random direction `input`, of random combination `output`.
    Projection {
        /// The number of the direction.
        input: usize,
        /// The number of the combination.
        output: usize,
    },
}

impl fmt::Display for Derivative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Derivative::Entry { input, output } => write!(f, "d {output} / d {input}"),
            Derivative::Projection { input, output } => {
                write!(f, "d (random combination {output}) along (random direction {input})")
            }
        }
    }
}

/// What was found by differences.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A derivative.
    Smooth {
        /// Its value.
        numeric: f64,
        /// The estimated bound of its error.
        error: f64,
        /// The finest step that entered.
        step: f64,
        /// The power of the step with which the truncation error falls.
        order: u32,
    },
    /// One slope on the left, another on the right.
    Kink {
        /// The slope below the point.
        left: f64,
        /// The slope above.
        right: f64,
    },
    /// No two steps agree.
    Unstable,
    /// No value on one side of the point or the other.
    OutOfDomain,
}

/// One derivative that did not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Of what.
    pub derivative: Derivative,
    /// What the rule says.
    pub analytic: f64,
    /// What the function says.
    pub finding: Finding,
    /// The difference in units of what is tolerated; above 1 where the rule is wrong, `None` where
    /// nothing can be said.
    pub score: Option<f64>,
    /// What the mistake looks like.
    pub hint: Option<String>,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A zero has no sign worth showing: -0 + 0 = 0.
        let shown = |x: f64| x + 0.0;
        write!(f, "{}: analytic {:e}, ", self.derivative, shown(self.analytic))?;
        match self.finding {
            Finding::Smooth { numeric, error, step, order } => {
                write!(f, "numeric {:e} ± {error:.0e}", shown(numeric))?;
                match self.score {
                    Some(score) => {
                        if self.analytic != 0.0 && numeric != 0.0 {
                            write!(f, ", ratio {}", self.analytic / numeric)?;
                        }
                        write!(f, " ({score:.0e} times the tolerance)")?;
                    }
                    None => f.write_str(": round-off of the function hides the derivative")?,
                }
                write!(f, "; step 2^{}, order {order}", step.log2())?;
            }
            Finding::Kink { left, right } => {
                let (left, right) = (shown(left), shown(right));
                write!(f, "numeric {left:e} on the left, {right:e} on the right: ")?;
                f.write_str("a kink has no derivative; move the input off it")?;
            }
            Finding::Unstable => f.write_str("numeric: no two steps agree (a jump or a pole?)")?,
            Finding::OutOfDomain => {
                f.write_str("numeric: none, the function is finite on one side only")?;
            }
        }
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

/// The derivatives that did not pass, and how to see them again.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The worst of them.
    pub shown: Vec<Comparison>,
    /// How many there are.
    pub count: usize,
    /// How many derivatives were compared.
    pub compared: usize,
    /// Which derivative is checked: 1 for gradients, 2 for gradients of gradients.
    pub order: u32,
    /// How often the function was evaluated.
    pub evaluations: usize,
    /// The seed of all random directions.
    pub seed: u64,
}

impl Findings {
    fn write(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        let Findings { count, compared, order, evaluations, seed, .. } = self;
        write!(f, "gradcheck: {count} of {compared} derivatives of order {order} {what} ")?;
        write!(f, "({evaluations} evaluations, seed {seed})")?;
        self.shown.iter().try_for_each(|comparison| write!(f, "\n  {comparison}"))?;
        match count.saturating_sub(self.shown.len()) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Why a check did not pass. `Debug` is the message too, for it is what `unwrap` shows.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GradcheckError {
    /// The rule and the function differ.
    Wrong(Findings),
    /// Nothing can be said: a kink, a pole, or round-off that hides the derivative.
    Inconclusive(Findings),
    /// The function or its gradient is not finite, or not defined, at the inputs.
    NotFinite {
        /// Which element.
        element: Element,
        /// Its value, if there is one.
        value: Option<f64>,
    },
    /// Two evaluations at the same inputs differ.
    NotRepeatable {
        /// What was done differently.
        change: &'static str,
        /// Which element.
        element: Element,
        /// The first value.
        first: f64,
        /// The second.
        second: f64,
    },
    /// A gradient has another shape than what it is the gradient of.
    Shape {
        /// What it belongs to.
        tensor: String,
        /// The shape it has.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
}

impl fmt::Display for GradcheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GradcheckError::Wrong(findings) => findings.write(f, "are wrong"),
            GradcheckError::Inconclusive(findings) => findings.write(f, "cannot be judged"),
            GradcheckError::NotFinite { element, value: Some(value) } => {
                write!(f, "gradcheck: {element} is {value} at these inputs")
            }
            GradcheckError::NotFinite { element, value: None } => {
                write!(f, "gradcheck: {element} is not defined at these inputs")
            }
            GradcheckError::NotRepeatable { change, element, first, second } => write!(
                f,
                "gradcheck: {element} is {first:e}, then {second:e}: it must be the same {change}"
            ),
            GradcheckError::Shape { tensor, found, expected } => write!(
                f,
                "gradcheck: the gradient of {tensor} has shape {}, not {}",
                Dims(found),
                Dims(expected)
            ),
        }
    }
}

impl fmt::Debug for GradcheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

//! The parameters of a module as a table.

use std::fmt::{self, Display};

use tensor::DType;
use tensor::shape::Dims;

/// The parameters of a module as a table; see [`Module::summary`](super::Module::summary).
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// One row a parameter, in the order of the fields.
    pub rows: Vec<Row>,
}

/// One parameter of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it lies in the module.
    pub path: String,
    /// Its element type.
    pub dtype: DType,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// The number of its elements.
    pub elements: usize,
    /// Whether it is left out of training.
    pub frozen: bool,
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |frozen_only: bool| -> usize {
            let counted = self.rows.iter().filter(|r| r.frozen || !frozen_only);
            counted.map(|r| r.elements).sum()
        };
        let (total, frozen) = (count(false).to_string(), count(true));
        let shapes: Vec<String> =
            self.rows.iter().map(|r| format!("{}{}", r.dtype, Dims(&r.shape))).collect();
        let widest =
            |head: &str, texts: &mut dyn Iterator<Item = usize>| texts.fold(head.len(), usize::max);
        let path = widest("parameter", &mut self.rows.iter().map(|r| r.path.len()));
        let shape = widest("shape", &mut shapes.iter().map(String::len));
        let elements = total.len().max("elements".len());
        writeln!(f, "{:path$}  {:shape$}  {:>elements$}", "parameter", "shape", "elements")?;
        for (row, text) in self.rows.iter().zip(&shapes) {
            let note = if row.frozen { "  frozen" } else { "" };
            writeln!(f, "{:path$}  {text:shape$}  {:>elements$}{note}", row.path, row.elements)?;
        }
        write!(f, "{:path$}  {:shape$}  {total:>elements$}", "total", "")?;
        if frozen > 0 {
            write!(f, "  {frozen} frozen")?;
        }
        Ok(())
    }
}

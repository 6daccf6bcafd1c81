//! Printing a tape as a program.

use std::fmt;
use std::fmt::Write;
use std::panic::Location;

use tensor::DType;
use tensor::shape::Dims;

use crate::node::{Node, Nodes, Source};
use crate::op;
use crate::tape::Tape;

/// One line a node: `%7 = tanh(%6) : f64[32, 64]   src/model.rs:41`. Evaluates nothing.
impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes.borrow();
        let lines: Vec<String> = (0..nodes.len() as u32).map(|id| statement(&nodes, id)).collect();
        let width = lines.iter().map(|l| l.chars().count()).max().unwrap_or(0).min(60);
        for (line, node) in lines.iter().zip(nodes.iter()) {
            writeln!(f, "{line:width$}   {}", place(node.at))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} nodes)", self.len())
    }
}

/// `%7 = tanh(%6) : f64[32, 64]`
fn statement(nodes: &Nodes, id: u32) -> String {
    let node = &nodes[id as usize];
    let mut line = format!("%{id} = {}", what(node));
    if matches!(node.source, Source::Op(_)) {
        let inputs: Vec<String> = nodes.inputs(id).iter().map(|j| format!("%{j}")).collect();
        let _ = write!(line, "({})", inputs.join(", "));
        if let Some(fields) = fields(node) {
            let _ = write!(line, " {fields}");
        }
    }
    let _ = write!(line, " : {}{}", node.dtype, Dims(nodes.shape(id)));
    line
}

/// The operation's name, or where the value comes from.
pub(crate) fn what(node: &Node) -> String {
    match &node.source {
        Source::Op(op) => op::name(op.rule()),
        Source::Constant => match &node.value {
            // A number says more than the word.
            Some(value) if value.shape().is_empty() => format!("constant {}", scalar(value)),
            _ => "constant".into(),
        },
        Source::Number(x) if node.dtype == DType::F32 => format!("constant {}", *x as f32),
        Source::Number(x) => format!("constant {x}"),
        Source::Leaf => "leaf".into(),
        Source::Param => "param".into(),
        Source::Input => "input".into(),
    }
}

pub(crate) fn scalar(value: &tensor::AnyTensor) -> String {
    match value {
        tensor::AnyTensor::F32(t) => t.item().to_string(),
        tensor::AnyTensor::F64(t) => t.item().to_string(),
        tensor::AnyTensor::Bool(t) => t.item().to_string(),
        tensor::AnyTensor::I64(t) => t.item().to_string(),
        tensor::AnyTensor::Usize(t) => t.item().to_string(),
        tensor::AnyTensor::U8(t) => t.item().to_string(),
    }
}

/// The static configuration of the operation, as its `Debug` shows it after the name.
fn fields(node: &Node) -> Option<String> {
    let Source::Op(op) = &node.source else { return None };
    let text = format!("{:?}", op.rule());
    let start = text.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(text[start..].trim().to_string())
}

/// `src/model.rs:41`: the last three parts of the path are enough to find it.
pub(crate) fn place(at: &Location<'_>) -> String {
    let parts: Vec<&str> = at.file().split(['/', '\\']).collect();
    let tail = &parts[parts.len().saturating_sub(3)..];
    format!("{}:{}", tail.join("/"), at.line())
}

//! A tape as a Mermaid diagram.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::panic::Location;

use tensor::shape::Dims;
use tensor::{AnyTensor, Element};

use crate::node::{Node, Nodes, Source};
use crate::show::{place, what};
use crate::tape::Tape;
use crate::var::Var;

/// A tape as a [Mermaid](https://mermaid.js.org) flowchart, to be pasted into Markdown: one box a
/// node, an arrow from each input, and the value of a number that has been computed. Its text is
/// that of `Display`; nothing is evaluated for it.
///
/// ```
/// use tape::Tape;
/// use tensor::tensor;
///
/// let tape = Tape::new();
/// let w = tape.leaf(tensor![2.0, 1.0]);
/// let loss = w.square().sum();
/// let [dw] = loss.grad([w]);
/// let drawing = tape.drawing().name(w, "w").name(dw, "∂L/∂w").backward_from(loss);
/// println!("{drawing}");
/// ```
pub struct Drawing<'t> {
    tape: &'t Tape,
    names: HashMap<u32, String>,
    by_line: bool,
    loss: Option<u32>,
}

impl Tape {
    /// The tape as a diagram.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing { tape: self, names: HashMap::new(), by_line: false, loss: None }
    }

    /// The text of [`drawing`](Self::drawing), with the boxes of one source line in one frame if
    /// `group_by_line`.
    pub fn mermaid(&self, group_by_line: bool) -> String {
        Drawing { by_line: group_by_line, ..self.drawing() }.to_string()
    }
}

impl<'t> Drawing<'t> {
    /// Writes a name over the box of a variable.
    ///
    /// # Panics
    /// When it is on another tape.
    #[track_caller]
    pub fn name<E: Element>(mut self, v: Var<'t, E>, name: impl Into<String>) -> Self {
        self.names.insert(self.own(v), name.into());
        self
    }

    /// Puts the boxes of one source line into one frame. Adjoints stand with the line that they are
    /// the adjoints of.
    pub fn by_line(mut self) -> Self {
        self.by_line = true;
        self
    }

    /// Draws what was recorded after `loss` as its backward pass: in red, with dotted arrows where
    /// it reads values of the forward pass.
    ///
    /// # Panics
    /// When `loss` is on another tape.
    #[track_caller]
    pub fn backward_from<E: Element>(mut self, loss: Var<'t, E>) -> Self {
        self.loss = Some(self.own(loss));
        self
    }

    #[track_caller]
    fn own<E: Element>(&self, v: Var<'t, E>) -> u32 {
        assert!(std::ptr::eq(v.tape(), self.tape), "drawing: the variable is on another tape");
        v.id()
    }

    fn backward(&self, i: usize) -> bool {
        self.loss.is_some_and(|loss| i > loss as usize)
    }

    /// `    n7["h1<br/>%7 sigmoid<br/>f64[] = 0.75"]`
    fn node(&self, i: usize, nodes: &Nodes) -> String {
        let node = &nodes[i];
        let mut label = String::new();
        if let Some(name) = self.names.get(&(i as u32)) {
            let _ = write!(label, "<b>{name}</b><br/>");
        }
        let _ =
            write!(label, "%{i} {}<br/>{}{}", what(node), node.dtype, Dims(nodes.shape(i as u32)));
        match (&node.source, &node.value) {
            (Source::Constant | Source::Number(_), _) => {} // its value stands in place of its name
            (_, Some(value)) if value.shape().is_empty() => {
                let _ = write!(label, " = {}", short(value));
            }
            _ => {}
        }
        let (open, close) = match node.source {
            Source::Op(_) => ("[\"", "\"]"),
            _ => ("([\"", "\"])"),
        };
        let class = if self.backward(i) { ":::backward" } else { "" };
        format!("    n{i}{open}{}{close}{class}", label.replace('"', "&quot;"))
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.tape.nodes.borrow();
        writeln!(f, "flowchart TD")?;
        for (k, (at, members)) in frames(&nodes, self.by_line).iter().enumerate() {
            if self.by_line {
                writeln!(f, "  subgraph f{k}[\"{}\"]", place(at).replace('"', "&quot;"))?;
            }
            for &i in members {
                writeln!(f, "{}", self.node(i, &nodes))?;
            }
            if self.by_line {
                writeln!(f, "  end")?;
            }
        }
        let (mut arrows, mut red) = (0, Vec::new());
        for i in 0..nodes.len() {
            for &j in nodes.inputs(i as u32) {
                let reads = self.backward(i) && !self.backward(j as usize);
                writeln!(f, "  n{j} {} n{i}", if reads { "-.->" } else { "-->" })?;
                if self.backward(i) && !reads {
                    red.push(arrows.to_string());
                }
                arrows += 1;
            }
        }
        if self.loss.is_some() {
            writeln!(f, "  classDef backward stroke:#c00,color:#c00")?;
        }
        if !red.is_empty() {
            writeln!(f, "  linkStyle {} stroke:#c00", red.join(","))?;
        }
        Ok(())
    }
}

/// The nodes of each source line, in the order of the tape; each by itself unless `by_line`.
fn frames(nodes: &[Node], by_line: bool) -> Vec<(&'static Location<'static>, Vec<usize>)> {
    let mut frames: Vec<(&'static Location<'static>, Vec<usize>)> = Vec::new();
    let mut frame_of: HashMap<(&str, u32), usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        let key = if by_line { (node.at.file(), node.at.line()) } else { ("", i as u32) };
        let frame = *frame_of.entry(key).or_insert_with(|| {
            frames.push((node.at, Vec::new()));
            frames.len() - 1
        });
        frames[frame].1.push(i);
    }
    frames
}

/// A number in at most five digits, as a picture wants it.
fn short(value: &AnyTensor) -> String {
    let x = match value {
        AnyTensor::F32(t) => f64::from(t.item()),
        AnyTensor::F64(t) => t.item(),
        other => return crate::show::scalar(other),
    };
    let rounded = format!("{x:.4e}").parse().unwrap_or(x);
    match rounded {
        0.0 => "0".into(),
        x if (1e-3..1e5).contains(&f64::abs(x)) => format!("{x}"),
        x => format!("{x:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{Tensor, tensor};

    #[test]
    fn a_drawing_has_a_box_a_node_and_an_arrow_an_input() {
        let tape = Tape::new();
        let x = tape.leaf(3.0);
        let _ = x * x + 0.5;
        let expected = "flowchart TD\n    n0([\"%0 leaf<br/>f64[] = 3\"])\n    \
            n1[\"%1 mul<br/>f64[]\"]\n    n2([\"%2 constant 0.5<br/>f64[]\"])\n    \
            n3[\"%3 add<br/>f64[]\"]\n  n0 --> n1\n  n0 --> n1\n  n1 --> n3\n  n2 --> n3\n";
        assert_eq!(tape.mermaid(false), expected);
        assert_eq!(tape.drawing().to_string(), expected);
    }

    #[test]
    fn the_backward_pass_is_red_and_reads_the_forward_pass_by_dotted_arrows() {
        let tape = Tape::new();
        let x = tape.leaf(3.0);
        let y = x.tanh();
        let [dx] = y.grad([x]);
        dx.item();
        let text = tape.drawing().name(y, "y").name(dx, "∂y/∂x").backward_from(y).to_string();
        assert!(text.contains("n1[\"<b>y</b><br/>%1 tanh<br/>f64[]"), "{text}");
        assert!(text.contains("<b>∂y/∂x</b>"), "{text}");
        assert!(text.contains("n1 -.-> n"), "{text}");
        let last = tape.len() - 1;
        assert!(
            text.lines().any(|l| l.contains(&format!("n{last}[")) && l.ends_with(":::backward"))
        );
        let arrows: Vec<&str> = text.lines().filter(|l| l.contains("->")).collect();
        let style = text.lines().find(|l| l.contains("linkStyle")).expect("has a style");
        let red = style.split_whitespace().nth(1).expect("has numbers").split(',');
        for k in red {
            let arrow = arrows[k.parse::<usize>().expect("is a number")];
            assert!(arrow.contains(" --> "), "{arrow}");
        }
    }

    #[test]
    fn frames_hold_the_nodes_of_a_line_with_their_adjoints() {
        let tape = Tape::new();
        let x = tape.leaf(tensor![1.0, 2.0]);
        let y = x.exp().sum();
        y.grad([x]);
        let text = tape.mermaid(true);
        assert_eq!(text.matches("subgraph").count(), 3, "{text}");
        assert_eq!(text.matches("  end\n").count(), 3);
        assert!(text.contains("drawing.rs:"), "{text}");
    }

    #[test]
    fn numbers_are_short() {
        let of = |x: f64| short(&f64::erase(Tensor::scalar(x)));
        assert_eq!(of(0.75), "0.75");
        assert_eq!(of(1.0 / 3.0), "0.33333");
        assert_eq!(of(-0.0), "0");
        assert_eq!(of(1e-9 / 3.0), "3.3333e-10");
        assert_eq!(of(f64::INFINITY), "inf");
    }
}

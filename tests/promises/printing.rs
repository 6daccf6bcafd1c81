//! A tape prints as a program, with the lines that recorded it.

use tape::{Tape, Var};
use tensor::{Tensor, s, tensor};

#[test]
fn a_tape_prints_as_a_program_with_shapes_and_lines() {
    let tape = Tape::new();
    let x = tape.constant(tensor![[1.0, 2.0]]);
    let (line, y) = (line!(), (x * 3.0).tanh());
    let text = tape.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("%0 = constant : f64[1, 2] "), "{text}");
    assert!(lines[1].starts_with("%1 = constant 3 : f64[] "), "{text}");
    assert!(lines[2].starts_with("%2 = broadcast(%1) "), "{text}");
    assert!(lines[3].starts_with("%3 = mul(%0, %2) : f64[1, 2] "), "{text}");
    assert!(lines[4].starts_with("%4 = tanh(%3) : f64[1, 2] "), "{text}");
    for at in &lines[1..] {
        assert!(at.ends_with(&format!("   tests/promises/printing.rs:{line}")), "{at}");
    }
    assert_eq!(tape.stats().computed, 0, "printing a tape evaluates nothing");
    y.value();
    assert_eq!(tape.to_string(), text, "and does not depend on what is known");
}

#[test]
fn the_axes_of_a_reduction_print_as_they_are_written() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::<f64>::ones([2, 3, 4]));
    let _ = (x.sum_axis([2, 0]), x.sum_keepdim(-2), x.sum());
    let text = tape.to_string();
    for axes in ["[0, 2], keep: false", "[1], keep: true", "[0, 1, 2], keep: false"] {
        assert!(text.contains(&format!("sum(%0) {{ axes: {axes} }}")), "{text}");
    }
}

#[test]
fn debug_never_evaluates_and_display_does() {
    let tape = Tape::new();
    let x = tape.constant(tensor![1.0, 2.0]);
    let y = x * x;
    assert_eq!(
        (format!("{y:?}"), format!("{tape:?}")),
        ("%1: f64[2]".into(), "Tape(2 nodes)".into())
    );
    assert_eq!(tape.stats().computed, 0);
    assert_eq!(y.to_string(), tensor![1.0, 4.0].to_string());
    assert_eq!(tape.stats().computed, 1);
}

#[test]
fn an_adjoint_has_the_line_of_its_forward_node() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0, 2.0]);
    let (forward, y) = (line!(), x.exp() * 2.0);
    let (sum, y) = (line!(), y.sum());
    let before = tape.len();
    let (seed, _) = (line!(), y.grad([x]));
    let text = tape.to_string();
    let lines: Vec<String> = text.lines().skip(before).map(String::from).collect();
    let of = |line: u32| lines.iter().filter(|l| l.ends_with(&format!(".rs:{line}"))).count();
    assert_eq!(of(seed), 1, "{text}");
    assert!(of(sum) >= 1 && of(forward) >= 1, "{text}");
    assert_eq!(of(seed) + of(sum) + of(forward), lines.len(), "{text}");
}

/// A zoo of operations: none may name a line of the library.
#[test]
fn every_node_names_a_line_of_the_user() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::<f64>::ones([2, 3]));
    let column = tape.leaf(Tensor::<f64>::ones([2, 1]));
    let index = tape.constant(tensor![1i64, 0]);
    let all = [
        (x + column).sum(),
        (1.0 - x / column).mean(),
        x.pow(column).sum(),
        x.maximum(column).minimum(0.5).sum(),
        x.gt(column).select(x, column).sum(),
        x.le(0.3).and(x.ne_to(column)).not().select(x, 2.0).sum(),
        x.softmax(-1).log_softmax(0).sum(),
        x.cross_entropy(index).sum(),
        x.matmul(x.t()).trace(),
        x.matmul(tape.leaf(tensor![1.0, 2.0, 3.0])).sum(),
        Var::stack(&[x, x * 2.0], 1).sum(),
        Var::concat(&[x, column], 1).prod(),
        x.split(1, &[1, 2])[1].sum(),
        x.pad([(0, 1), (1, 0)], 4.0).sum(),
        x.slice(s![.., ..;-1]).sum(),
        x.narrow(1, 1, 2).flatten(0, 1).max(),
        x.var_axis(0, 1).sum() + x.std(0) + x.norm(),
        x.prod_axis(1).sum() + x.logsumexp(),
        x.cumsum(1).sort_descending(1).sum(),
        x.index_select(0, index).sum(),
        x.min_keepdim(0).unsqueeze(0).squeeze(0).sum(),
        x.swap_axes(0, 1).diagonal().sum(),
        x.flip(0).clamp(-1.0, 1.0).square().recip().sum(),
    ];
    let sum = Var::stack(&all, 0).sum();
    let [g] = sum.grad([x]);
    let _ = g.square().sum().grad([x]);
    let text = tape.to_string();
    for line in text.lines() {
        assert!(line.contains("tests/promises/printing.rs:"), "{line}");
    }
}

#[test]
fn a_tape_exports_as_mermaid() {
    let tape = Tape::new();
    let x = tape.leaf(tensor![1.0]);
    let line = line!() + 1;
    let _ = x.exp().sin();
    let plain = tape.mermaid(false);
    assert!(plain.starts_with("flowchart TD\n"), "{plain}");
    assert!(plain.contains("n1[\"%1 exp<br/>f64[1]\"]"), "{plain}");
    assert!(plain.contains("n0 --> n1\n") && plain.contains("n1 --> n2\n"), "{plain}");
    let framed = tape.mermaid(true);
    assert!(framed.contains(&format!("printing.rs:{line}\"]")), "{framed}");
    assert_eq!(framed.matches("subgraph").count(), 2, "{framed}");
    assert_eq!(tape.stats().computed, 0);
}

//! Executes a plan.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use smallvec::SmallVec;
use tensor::{AnyTensor, AnyView};

use super::pass::{self, Feed, Placed};
use super::plan::{Action, Group, Plan, Program};
use crate::op::{Kind, Recorded};

/// Why a run stopped, and at which node of the program.
pub(crate) enum Halt {
    /// The data is at fault.
    Error { node: u32, source: tensor::Error },
    /// The operation panicked.
    Panic { node: u32, payload: Box<dyn Any + Send> },
}

impl Halt {
    pub(crate) fn node(&self) -> u32 {
        match self {
            Halt::Error { node, .. } | Halt::Panic { node, .. } => *node,
        }
    }
}

/// Computes every value that the plan materialises into `values`, which holds the given ones.
pub(crate) fn run(
    plan: &Plan,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    for step in &plan.steps {
        match &step.action {
            Action::View(node) => view(*node, program, ops, values)?,
            Action::General(node) => general(*node, program, ops, values)?,
            Action::Group(group) => grouped(group, program, ops, values, &step.last_of)?,
        }
        for &dead in &step.last_of {
            values[dead as usize] = None;
        }
    }
    Ok(())
}

const ORDER: &str = "the plan computes a value before it is used and frees it after its last use";

fn value(values: &[Option<AnyTensor>], node: u32) -> &AnyTensor {
    values[node as usize].as_ref().expect(ORDER)
}

pub(super) fn kind(ops: &[Option<Recorded>], node: u32) -> Option<Kind<'_>> {
    ops[node as usize].as_ref().map(Recorded::kind)
}

/// Runs an operation's own code; its panic is caught, so that it can be said which node failed.
pub(super) fn guarded<R>(
    node: u32,
    f: impl FnOnce() -> Result<R, tensor::Error>,
) -> Result<R, Halt> {
    halted(catch_unwind(AssertUnwindSafe(f)), node)
}

/// What came of running an operation of `node`, or of others and this one last.
pub(super) fn halted<R>(
    outcome: std::thread::Result<Result<R, tensor::Error>>,
    node: u32,
) -> Result<R, Halt> {
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(source)) => Err(Halt::Error { node, source }),
        Err(payload) => Err(Halt::Panic { node, payload }),
    }
}

fn view(
    node: u32,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    let Some(Kind::View(op)) = kind(ops, node) else { unreachable!("planned as a view") };
    let x = value(values, program.inputs_of(node)[0]);
    let y = guarded(node, || match op.layout(x.layout())? {
        Some(layout) => Ok(x.with_layout(layout)),
        None => {
            let copy = x.to_contiguous();
            let layout = op.layout(copy.layout())?;
            Ok(copy.with_layout(layout.expect("a row-major input has every view")))
        }
    })?;
    values[node as usize] = Some(y);
    Ok(())
}

fn general(
    node: u32,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
) -> Result<(), Halt> {
    let Some(Kind::General(op)) = kind(ops, node) else { unreachable!("planned as general") };
    let signature = &program.nodes[node as usize];
    let mut out = AnyTensor::scratch(signature.dtype, &signature.shape);
    let inputs: SmallVec<[AnyView<'_>; 4]> =
        program.inputs_of(node).iter().map(|&j| value(values, j).view()).collect();
    guarded(node, || op.forward(&inputs, out.as_mut_slice().expect("just made")))?;
    drop(inputs);
    values[node as usize] = Some(out);
    Ok(())
}

fn grouped(
    group: &Group,
    program: &Program,
    ops: &[Option<Recorded>],
    values: &mut [Option<AnyTensor>],
    dying: &[u32],
) -> Result<(), Halt> {
    let originals = settle(group, values, dying);
    let (mut outs, overwritten) = outputs(group, program, values, dying);
    let feeds =
        group.loads.iter().map(|&load| match overwritten.iter().position(|&o| o == Some(load)) {
            Some(store) => Feed::Overwritten(store),
            None => Feed::of(value(values, load).view().reader()),
        });
    let feeds: SmallVec<[Feed<'_>; 8]> = feeds.collect();
    let placed = group.placed.iter().map(|&(input, node)| match kind(ops, node) {
        Some(Kind::General(op)) => {
            let window = op.window().expect("planned as placed");
            (window, value(values, input).view().reader())
        }
        _ => unreachable!("planned as placed"),
    });
    let placed: SmallVec<[Placed<'_>; 2]> = placed.collect();
    let folded = group.folds.iter().map(|fold| {
        let signature = &program.nodes[fold.node as usize];
        AnyTensor::scratch(signature.dtype, &signature.shape)
    });
    let mut folded: SmallVec<[AnyTensor; 2]> = folded.collect();
    pass::run(group, ops, &feeds, &placed, &mut outs, &mut folded)?;
    drop((feeds, placed));
    for (node, original) in originals {
        values[node as usize] = Some(original);
    }
    for (&node, out) in group.stores.iter().zip(outs) {
        values[node as usize] = Some(out);
    }
    for (fold, out) in group.folds.iter().zip(folded) {
        values[fold.node as usize] = Some(out);
    }
    Ok(())
}

/// Lays inputs whose neighbours lie far apart side by side, as kernels do, and returns those that
/// are needed as they were: what dies here may be overwritten where it lies now. (If the pass
/// fails, its inputs stay as they are laid here, and nobody reads them again.)
fn settle(
    group: &Group,
    values: &mut [Option<AnyTensor>],
    dying: &[u32],
) -> SmallVec<[(u32, AnyTensor); 2]> {
    let mut originals = SmallVec::new();
    let placed = group.placed.iter().map(|&(input, _)| input);
    for node in group.loads.iter().copied().chain(placed) {
        if let Some(settled) = value(values, node).settled() {
            let original = values[node as usize].replace(settled).expect(ORDER);
            if !dying.contains(&node) {
                originals.push((node, original));
            }
        }
    }
    originals
}

/// The tensors a group writes, and for each the input whose buffer it took over: one that dies
/// here, lies side by side, fills its buffer (which is then as large as needed, and no larger), and
/// shares it with nobody. (What is laid among zeros is read elsewhere than it would be
/// overwritten.)
fn outputs(
    group: &Group,
    program: &Program,
    values: &mut [Option<AnyTensor>],
    dying: &[u32],
) -> (SmallVec<[AnyTensor; 4]>, SmallVec<[Option<u32>; 4]>) {
    // What dies in a group is one of its inputs, and of the shape of its outputs unless it is
    // placed.
    let mut spares: SmallVec<[u32; 4]> = SmallVec::new();
    let placed = |dead: u32| group.placed.iter().any(|&(input, _)| input == dead);
    for &dead in dying.iter().filter(|&&dead| !placed(dead)) {
        let value = values[dead as usize].as_mut().expect(ORDER);
        if value.fills_buffer() && value.as_mut_slice().is_some() {
            spares.push(dead);
        }
    }
    let mut outs = SmallVec::new();
    let mut overwritten: SmallVec<[Option<u32>; 4]> = SmallVec::new();
    for &store in &group.stores {
        let wanted = &program.nodes[store as usize];
        let fits = |&spare: &u32| program.nodes[spare as usize].dtype == wanted.dtype;
        let spare = spares.iter().position(fits).map(|k| spares.swap_remove(k));
        outs.push(match spare {
            Some(spare) => values[spare as usize].take().expect(ORDER),
            None => AnyTensor::scratch(wanted.dtype, &wanted.shape),
        });
        overwritten.push(spare);
    }
    (outs, overwritten)
}

/// Calls `f` with `get` of each operand; without a heap block for as many as operations have as a
/// rule.
#[inline]
pub(super) fn gathered<O, X, R>(
    operands: &[O],
    get: impl Fn(&O) -> X,
    f: impl FnOnce(&[X]) -> R,
) -> R {
    match operands {
        [a] => f(&[get(a)]),
        [a, b] => f(&[get(a), get(b)]),
        [a, b, c] => f(&[get(a), get(b), get(c)]),
        many => f(&many.iter().map(get).collect::<Vec<X>>()),
    }
}

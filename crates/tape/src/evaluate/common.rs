//! Common subexpressions: what a program computes twice is computed once.
//!
//! Users write `x * a` where they need it, and rules record products whoever has recorded them
//! before. Equal operations on the same inputs compute the same bits (see [`op`](crate::op)), so
//! one value serves for all. Constants are inputs, and are not compared: those of the forward part
//! may be others the next time the program is met.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::plan::{Program, Work};
use crate::op::Recorded;

/// Lets the readers of a node that an earlier one equals read that one; the node itself needs no
/// work then. What is wanted stays: somebody asks for that very node.
pub(crate) fn share(program: &mut Program, ops: &mut [Option<Recorded>]) {
    let mut first_of: Vec<u32> = (0..program.nodes.len() as u32).collect();
    let mut seen: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
    for i in 0..program.nodes.len() {
        let range = program.nodes[i].inputs.clone();
        for input in &mut program.inputs[range.start as usize..range.end as usize] {
            *input = first_of[*input as usize];
        }
        let Some(op) = &ops[i] else { continue };
        let alike = seen.entry(hash(program, i as u32)).or_default();
        let same = |&&j: &&u32| {
            let earlier = ops[j as usize].as_ref().expect("what was seen has an operation");
            equal(program, i as u32, j) && earlier.same(op)
        };
        match alike.iter().find(same) {
            Some(&j) if !program.nodes[i].wanted => {
                first_of[i] = j;
                program.nodes[i].work = Work::Given;
                program.nodes[i].inputs = 0..0;
                ops[i] = None;
            }
            Some(_) => {}
            None => alike.push(i as u32),
        }
    }
}

fn hash(program: &Program, node: u32) -> u64 {
    let mut hasher = FxHasher::default();
    let signature = &program.nodes[node as usize];
    (signature.work, signature.dtype, &signature.shape).hash(&mut hasher);
    program.inputs_of(node).hash(&mut hasher);
    hasher.finish()
}

/// Whether two nodes have the same inputs, type and shape.
fn equal(program: &Program, a: u32, b: u32) -> bool {
    let (of_a, of_b) = (&program.nodes[a as usize], &program.nodes[b as usize]);
    program.inputs_of(a) == program.inputs_of(b)
        && (of_a.dtype, &of_a.shape) == (of_b.dtype, &of_b.shape)
}

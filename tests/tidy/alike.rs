//! Tensors and variables have methods of the same names, whose arguments have the same names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{files, none, root};

/// What a tensor alone has: what makes one, its memory, functions of elements, whole comparisons,
/// and decompositions, which have no derivative.
const OF_TENSORS: [&str; 39] = [
    "allclose",
    "arange",
    "as_mut_slice",
    "as_slice",
    "cholesky",
    "det",
    "eigh",
    "eye",
    "fills_buffer",
    "from_fn",
    "from_vec",
    "full",
    "inverse",
    "is_contiguous",
    "iter",
    "layout",
    "linspace",
    "literal",
    "make_mut",
    "map",
    "matrix_rank",
    "max_abs_diff",
    "normal",
    "ones",
    "qr",
    "reader",
    "scalar",
    "scratch",
    "shares_buffer",
    "solve",
    "strides",
    "svd",
    "to_contiguous",
    "to_vec",
    "uniform",
    "view",
    "with_layout",
    "zeros",
    "zip_map",
];

/// What a variable alone has: its place on a tape, derivatives, and what rules and losses are made
/// of.
const OF_VARIABLES: [&str; 15] = [
    "at_labels",
    "backward",
    "cross_entropy",
    "detach",
    "erase",
    "full_like",
    "grad",
    "grad_with",
    "gradient",
    "is_tracked",
    "keep",
    "mul0",
    "pull",
    "tape",
    "value",
];

/// The names of the arguments of each public method that stands in an `impl` of `of` in `text`.
fn methods(text: &str, of: &str, found: &mut BTreeMap<String, Vec<String>>) {
    let blocks = text.split("\nimpl").skip(1).filter_map(|block| block.split_once(" {\n"));
    for (header, block) in blocks {
        if !header.contains(of) || header.contains(" for ") {
            continue;
        }
        let block = block.split("\n}").next().unwrap_or_default();
        for method in block.split("    pub fn ").skip(1) {
            let (name, rest) = method.split_once(['(', '<']).unwrap_or_default();
            found.insert(name.to_owned(), arguments(&format!("({rest}")));
        }
    }
}

/// The names of the arguments but for the receiver: the words before a single colon, up to the end
/// of the signature.
fn arguments(rest: &str) -> Vec<String> {
    let signature = rest.split(" {\n").next().unwrap_or_default().replace("::", "");
    let inside = signature.split(['(', ',']).filter_map(|part| part.split_once(": "));
    let names = inside.map(|(name, _)| name.trim().trim_start_matches("mut ").to_owned());
    names.filter(|name| name.chars().all(|c| c.is_lowercase() || c == '_' || c == '0')).collect()
}

fn of(krate: &str, of: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for path in files(".rs").iter().filter(|path| path.starts_with(root().join(krate))) {
        methods(&fs::read_to_string(path).unwrap(), of, &mut found);
    }
    found
}

#[test]
fn tensors_and_variables_spell_the_same_things_the_same_way() {
    let tensors = of("crates/tensor/src", " Tensor<");
    let variables = of("crates/tape/src", " Var<'");
    let names = |of: &BTreeMap<String, _>| of.keys().cloned().collect::<BTreeSet<_>>();
    let (t, v) = (names(&tensors), names(&variables));
    let missing = |of: &BTreeSet<String>, other: &BTreeSet<String>, listed: &[&str]| {
        let alone: BTreeSet<_> = of.difference(other).map(|name| &name[..]).collect();
        let listed = listed.iter().copied().collect();
        alone.symmetric_difference(&listed).map(|name| name.to_string()).collect::<Vec<_>>()
    };
    none(&missing(&t, &v, &OF_TENSORS), "methods of tensors alone, or listed as such in vain");
    none(&missing(&v, &t, &OF_VARIABLES), "methods of variables alone, or listed as such in vain");
    let differ = t.intersection(&v).filter(|&name| tensors[name] != variables[name]);
    let shown = |name: &String| format!("{name}: {:?}, {:?}", tensors[name], variables[name]);
    none(&differ.map(shown).collect::<Vec<_>>(), "arguments of tensors and of variables");
    assert!(tensors["scatter_add"] == ["axis", "index", "src"] && t.len() > 100);
}

#[test]
fn the_names_of_methods_and_arguments_are_read() {
    let text = "
impl<T: Float> Tensor<T> {
    pub fn plain(&self) -> Self {
        self.other(x: y)
    }
    pub fn wide<B: Element>(
        &self,
        mut other: &Tensor<B>,
        f: impl Fn(T, B) -> std::U + Sync,
    ) -> Tensor<U> {
    }
    fn hidden(&self, a: u8) {
    }
}
impl Other for Tensor<u8> {
    pub fn not(x: u8) {
    }
}
";
    let mut found = BTreeMap::new();
    methods(text, " Tensor<", &mut found);
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(found.len(), 2);
    assert_eq!((&found["plain"], &found["wide"]), (&names(&[]), &names(&["other", "f"])));
}

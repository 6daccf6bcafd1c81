"""The numbers of mlp3_fixture.rs: the lecture's class MLP3, run by NumPy.

    python3 mlp3_fixture.py > mlp3_fixture.rs        (NumPy 2.4.6, SciPy 1.17.1)

As printed on the slides the class does not run. What was changed, and nothing else:
  1. `import numpy as np` was missing;
  2. `self.theta` and `= np.random...` stood on two lines, an IndentationError; so did `self.beta`;
  3. `f` in `forward` and `g` in `gradient` were assigned to by key but never made, a NameError;
  4. `gradient` was indented as a function; it takes `self` and is a method.
The comment on `net_in` said mxn*nxm=mxs; the second factor is nxs.
"""
import numpy as np
from scipy.special import expit #sigmoid
class MLP3():
    def __init__(self,n,m):
        self.theta = np.random.uniform(-1/n,1/n,(m,n)) # mxn
        self.beta  = np.random.uniform(-1/m,1/m,(1,m)) # 1xm

    def forward(self, x):
        f = {}
        net_in    = np.dot(self.theta,x)           # mxn*nxs=mxs
        f['hid']  = expit(net_in)                   # mxs
        f['out']  = np.dot(self.beta,f['hid'])      # 1xm*mxs=1xs
        return f

    def gradient(self, f, x, y):
        g = {}

        # beta gradients
        delta      = (f['out']-y)                # 1xs
        g['bet']   = np.dot(delta,f['hid'].T)     # 1xs*sxm=1xm

        # theta gradients
        hid        = f['hid']                    # hidden activities
        hid_sv     = hid-hid*hid                 # sensitivities
        outer      = np.outer(self.beta.T,delta)# mx1*1xs=mxs
        g['tet']   = np.dot((outer*hid_sv),x.T)  # mxs*sxn=mxn

        return g


N, M, S, ETA, STEPS = 3, 4, 5, 0.125, 10

np.random.seed(7)
model = MLP3(N, M)
x = np.random.normal(size=(N, S))
y = np.random.normal(size=(1, S))

tables = [
    ("THETA", "`theta` as initialised, m×n.", model.theta.copy()),
    ("BETA", "`beta` as initialised, 1×m.", model.beta.copy()),
    ("X", "The input, n×s: a sample is a column.", x),
    ("Y", "The target, 1×s.", y),
]
f = model.forward(x)
g = model.gradient(f, x, y)
tables += [
    ("HID", "`f['hid']`, m×s.", f["hid"]),
    ("OUT", "`f['out']`, 1×s.", f["out"]),
    ("BET", "`g['bet']`, 1×m.", g["bet"]),
    ("TET", "`g['tet']`, m×n.", g["tet"]),
]
for _ in range(STEPS):
    g = model.gradient(model.forward(x), x, y)
    model.beta -= ETA * g["bet"]
    model.theta -= ETA * g["tet"]
tables += [
    ("THETA_LATER", "`theta` after `STEPS` updates w ← w - `ETA` g.", model.theta),
    ("BETA_LATER", "`beta` after `STEPS` updates.", model.beta),
]

print("//! Row 43: what the lecture's `MLP3` computes, by NumPy. Made by `mlp3_fixture.py`, which says how.")
print("#![allow(clippy::excessive_precision)]")
for name, kind, doc, value in [("ETA", "f64", "The step size.", ETA), ("STEPS", "usize", "How many updates.", STEPS)]:
    print(f"\n/// {doc}\npub const {name}: {kind} = {value};")
for name, doc, a in tables:
    print(f"\n/// {doc}")
    rows = [", ".join(repr(float(v)) for v in row) for row in a]
    print(f"#[rustfmt::skip]\npub const {name}: [[f64; {a.shape[1]}]; {a.shape[0]}] = [")
    for row in rows:
        print(f"    [{row}],")
    print("];")

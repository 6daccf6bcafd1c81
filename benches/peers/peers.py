"""PyTorch and JAX as peers: `peers.py torch` or `peers.py jax`, spoken to as `wire/src/lib.rs` says.

Both at their best setting. PyTorch: one `autograd.grad` for all parameters, updates in place by one
`_foreach` or fused kernel. JAX: the whole step, update included, is one compiled function that is
given its parameters' buffers to overwrite, and is waited for once, after the last iteration.
"""

import os
import sys
import time

# XLA's pool has a thread for each processor the process may use, which the driver limits.
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np

RATE = 1e-3


def fraction(seed, n):
    """The numbers of `seed` in [0, 1): `fraction` of `wire`, for all i at once."""
    h = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B9)
    h ^= np.uint32(seed * 0x85EBCA6B & 0xFFFFFFFF)
    h = (h ^ (h >> 16)) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * np.uint32(0x846CA68B)
    h ^= h >> 16
    return (h >> 8).astype(np.float64) / (1 << 24)


def digest(values):
    values = np.asarray(values, dtype=np.float64).ravel()
    signs = 2.0 * fraction(12345, values.size) - 1.0
    return [float(np.sqrt((values * values).sum())), float((values * signs).sum())]


class Row:
    def __init__(self, text):
        self.double = text.endswith("@f64")
        self.name, sizes = text.removesuffix("@f64").split(":")
        self.sizes = [int(size) for size in sizes.split("-")]
        self.dtype = np.float64 if self.double else np.float32

    def uniform(self, seed, shape, scale=1.0):
        drawn = (2.0 * fraction(seed, int(np.prod(shape))) - 1.0) * scale
        return drawn.reshape(shape).astype(self.dtype)

    def layers(self, widths, bias=True):
        """Weights `[out, in]` and biases in their order, from seed 2 on."""
        shapes = []
        for inputs, outputs in zip(widths, widths[1:]):
            shapes += [((outputs, inputs), inputs)] + [((outputs,), inputs)] * bias
        return [self.uniform(2 + k, s, 1 / np.sqrt(n)) for k, (s, n) in enumerate(shapes)]

    def problem(self):
        """Data and parameters of a training row."""
        name, sizes = self.name, self.sizes
        if name == "mlp3":
            n, inputs, hidden = sizes
            data = [self.uniform(0, (n, inputs)), self.uniform(1, (n, 1))]
            return data, self.layers([inputs, hidden, 1], bias=False)
        if name in ("linear-ae", "deep-ae"):
            n, *widths = sizes
            return [self.uniform(0, (n, widths[0]))], self.layers(widths, bias=name == "deep-ae")
        if name == "mlp":
            n, *widths = sizes
            labels = (fraction(1, n) * widths[-1]).astype(np.int64)
            return [self.uniform(0, (n, widths[0])), labels], self.layers(widths)
        if name == "elementwise":
            return [self.uniform(0, sizes)], [self.uniform(2, sizes), self.uniform(3, sizes)]
        if name == "chain":
            return [], [np.asarray(0.999, self.dtype), np.asarray(0.01, self.dtype)]
        return None


class Torch:
    """Rows in PyTorch."""

    def __init__(self):
        global torch, F
        import torch
        import torch.nn.functional as F

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.version = f"PyTorch {torch.__version__}"

    def bench(self, row):
        problem = row.problem()
        return TorchStep(row, *problem) if problem else torch_kernel(row)


class TorchStep:
    def __init__(self, row, data, params):
        self.row = row
        self.data = [torch.tensor(x) for x in data]
        self.params = [torch.tensor(p, requires_grad=True) for p in params]
        adam = row.name == "deep-ae"
        self.adam = torch.optim.Adam(self.params, lr=RATE, fused=True) if adam else None

    def loss(self):
        return TORCH_LOSSES[self.row.name](self.row, *self.data, *self.params)

    def run(self, n):
        for _ in range(n):
            grads = torch.autograd.grad(self.loss(), self.params)
            if self.adam:
                for p, g in zip(self.params, grads):
                    p.grad = g
                self.adam.step()
            elif self.row.name != "chain":
                with torch.no_grad():
                    torch._foreach_add_(self.params, grads, alpha=-RATE)

    def answer(self):
        loss = self.loss()
        found = [loss.detach(), *torch.autograd.grad(loss, self.params)]
        self.run(3)
        return found + [self.loss().detach()]


def torch_mlp3(row, x, y, theta, beta):
    out = torch.sigmoid(x @ theta.T) @ beta.T
    return (out - y).square().sum() / (2 * x.shape[0])


def torch_layers(x, params):
    for k in range(0, len(params), 2):
        x = F.linear(x if k == 0 else torch.tanh(x), params[k], params[k + 1])
    return x


def torch_linear_ae(row, x, c, d):
    return ((x @ c.T) @ d.T - x).square().sum() / (2 * x.shape[0])


def torch_elementwise(row, x, a, b):
    return (torch.tanh(x * a + b) * torch.sigmoid(x * a)).sum()


def torch_chain(row, a, b):
    y = b
    for _ in range(row.sizes[0] // 2):
        y = a * y + b
    return y


TORCH_LOSSES = {
    "mlp3": torch_mlp3,
    "mlp": lambda row, x, labels, *params: F.cross_entropy(torch_layers(x, params), labels),
    "linear-ae": torch_linear_ae,
    "deep-ae": lambda row, x, *params: F.mse_loss(torch_layers(x, params), x),
    "elementwise": torch_elementwise,
    "chain": torch_chain,
}


class Kernel:
    """A function of fixed inputs; `wait` for what it returns."""

    def __init__(self, f, *inputs, digests=lambda y: [y], wait=lambda y: None):
        self.f, self.inputs, self.digests, self.wait = f, inputs, digests, wait

    def run(self, n):
        f, inputs = self.f, self.inputs
        for _ in range(n):
            y = f(*inputs)
        self.wait(y)

    def answer(self):
        return self.digests(self.f(*self.inputs))


def torch_kernel(row):
    make = lambda seed, shape: torch.tensor(row.uniform(seed, shape))
    name, sizes = row.name, row.sizes
    unary = {"exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "sum": torch.sum}
    sums = {"sum0": 0, "sum1": 1}
    if name in unary:
        return Kernel(unary[name], make(0, sizes))
    if name in sums:
        return Kernel(lambda x: x.sum(sums[name]), make(0, sizes))
    if name == "add":
        return Kernel(torch.add, make(0, sizes), make(1, sizes))
    if name == "bias":
        return Kernel(torch.add, make(0, sizes), make(1, sizes[1:]))
    if name == "transpose":
        return Kernel(lambda x: x.T.contiguous(), make(0, sizes))
    if name == "matmul":
        m, k, n = sizes
        return Kernel(torch.matmul, make(0, (m, k)), make(1, (k, n)))
    if name == "svd":
        svd = lambda x: torch.linalg.svd(x, full_matrices=False)
        return Kernel(svd, make(0, sizes), digests=lambda usv: [usv[1]])
    return None


class Jax:
    """Rows in JAX."""

    def __init__(self):
        global jax, jnp
        import jax
        import jax.numpy as jnp

        self.version = f"JAX {jax.__version__}"

    def bench(self, row):
        problem = row.problem()
        # Compiling a thousand operations takes minutes, and no loop is left in what comes out.
        if row.name == "chain":
            return None
        return JaxStep(row, *problem) if problem else jax_kernel(row)


class JaxStep:
    def __init__(self, row, data, params):
        self.data = [jnp.asarray(x) for x in data]
        loss = lambda params, data: JAX_LOSSES[row.name](*data, *params)
        gradients = jax.value_and_grad(loss)
        adam = row.name == "deep-ae"

        def step(state, data):
            params, moments, t = state
            value, grads = gradients(params, data)
            if not adam:
                return value, ([p - RATE * g for p, g in zip(params, grads)], moments, t)
            t = t + 1
            updated = [jax_adam(p, g, m, v, t) for p, g, (m, v) in zip(params, grads, moments)]
            return value, ([u[0] for u in updated], [u[1:] for u in updated], t)

        self.step = jax.jit(step, donate_argnums=0)
        self.gradients = jax.jit(gradients)
        params = [jnp.array(p) for p in params]
        moments = [(jnp.zeros_like(p), jnp.zeros_like(p)) for p in params] if adam else []
        self.state = params, moments, jnp.zeros((), row.dtype)

    def run(self, n):
        step, state, data = self.step, self.state, self.data
        for _ in range(n):
            value, state = step(state, data)
        self.state = state
        jax.block_until_ready((value, state))

    def answer(self):
        value, grads = self.gradients(self.state[0], self.data)
        self.run(3)
        return [value, *grads, self.gradients(self.state[0], self.data)[0]]


def jax_adam(p, g, m, v, t):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    step = (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p - RATE * step, m, v


def jax_mlp3(x, y, theta, beta):
    out = jax.nn.sigmoid(x @ theta.T) @ beta.T
    return jnp.square(out - y).sum() / (2 * x.shape[0])


def jax_layers(x, params):
    for k in range(0, len(params), 2):
        x = (x if k == 0 else jnp.tanh(x)) @ params[k].T + params[k + 1]
    return x


def jax_mlp(x, labels, *params):
    logs = jax.nn.log_softmax(jax_layers(x, params))
    return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()


JAX_LOSSES = {
    "mlp3": jax_mlp3,
    "mlp": jax_mlp,
    "linear-ae": lambda x, c, d: jnp.square((x @ c.T) @ d.T - x).sum() / (2 * x.shape[0]),
    "deep-ae": lambda x, *params: jnp.square(jax_layers(x, params) - x).mean(),
    "elementwise": lambda x, a, b: (jnp.tanh(x * a + b) * jax.nn.sigmoid(x * a)).sum(),
}


def jax_kernel(row):
    make = lambda seed, shape: jnp.asarray(row.uniform(seed, shape))
    jitted = lambda f, *inputs: Kernel(jax.jit(f), *inputs, wait=jax.block_until_ready)
    name, sizes = row.name, row.sizes
    unary = {"exp": jnp.exp, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "sum": jnp.sum}
    sums = {"sum0": 0, "sum1": 1}
    if name in unary:
        return jitted(unary[name], make(0, sizes))
    if name in sums:
        return jitted(lambda x: x.sum(sums[name]), make(0, sizes))
    if name == "add":
        return jitted(jnp.add, make(0, sizes), make(1, sizes))
    if name == "bias":
        return jitted(jnp.add, make(0, sizes), make(1, sizes[1:]))
    if name == "transpose":
        return jitted(lambda x: x.T, make(0, sizes))
    if name == "matmul":
        m, k, n = sizes
        return jitted(jnp.matmul, make(0, (m, k)), make(1, (k, n)))
    return None


def status(key):
    """A line of `/proc/self/status`, in bytes."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) * 1024


def memory(library, small, row):
    """As `memory` of `wire`."""
    for text in (small, row):
        bench = library.bench(Row(text))
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS:")
        bench.run(3)
        grown = status("VmHWM:") - before
    return max(grown, 0)


def main():
    library = {"torch": Torch, "jax": Jax}[sys.argv[1]]()
    held = {}
    for line in sys.stdin:
        match line.split():
            case ["version"]:
                answer = library.version
            case ["forget"]:
                held.clear()
                answer = "done"
            case ["check", row]:
                bench = held[row] = library.bench(Row(row))
                found = [digest(x) for x in bench.answer()] if bench else None
                answer = "none" if found is None else " ".join(repr(x) for d in found for x in d)
            case ["time", row, n]:
                bench = held[row]
                bench.run(1)
                start = time.perf_counter()
                bench.run(int(n))
                answer = (time.perf_counter() - start) / int(n)
            case ["memory", small, row]:
                answer = memory(library, small, row)
        print(answer, flush=True)


main()

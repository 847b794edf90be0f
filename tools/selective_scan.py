# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""The selective scan with its gradient, for training.

    h[t] = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]        h is (channels, states), h[-1] = 0
    y[t] = C[t] . h[t]

Shapes: x, dt (batch, length, channels); A (channels, states), negative; B, C (batch, length, states); y like x.
All arithmetic is fp32. `scan_loop` is the definition; on a GPU `selective_scan` runs two Triton kernels instead,
each of which walks through time with the state in registers and loads four steps ahead (twice as quick on an H100).
`python selective_scan.py` checks the kernels against the definition (without a GPU: TRITON_INTERPRET=1 python ...).
"""

import torch
from torch import library

try:
    import triton
    import triton.language as tl
except ImportError:  # no Triton for this platform: the loop still trains, slowly
    triton = None

CHANNELS = 16  # channels one program owns


def scan_loop(x, dt, A, B, C):
    """The definition, differentiated by autograd."""
    h = x.new_zeros(x.shape[0], *A.shape)
    y = []
    for t in range(x.shape[1]):
        drive = (dt[:, t] * x[:, t]).unsqueeze(-1) * B[:, t].unsqueeze(1)
        h = torch.exp(dt[:, t].unsqueeze(-1) * A) * h + drive
        y.append((h * C[:, t].unsqueeze(1)).sum(-1))
    return torch.stack(y, dim=1)


if triton:

    @triton.jit
    def forward_kernel(
        x, dt, A, B, C, y, h_all, length, channels, N: tl.constexpr, W: tl.constexpr, SAVE: tl.constexpr
    ):
        """One program: one sequence, W channels, all time steps. SAVE also writes h[t] for every t."""
        row = tl.program_id(0).to(tl.int64) * length
        ch = tl.program_id(1) * W + tl.arange(0, W)
        n = tl.arange(0, N)
        a = tl.load(A + ch[:, None] * N + n[None, :])
        h = tl.zeros((W, N), tl.float32)
        for t in tl.range(length, num_stages=4):
            at = (row + t) * channels + ch
            step = tl.load(dt + at)
            drive = step * tl.load(x + at)
            b = tl.load(B + (row + t) * N + n)
            c = tl.load(C + (row + t) * N + n)
            h = tl.exp(step[:, None] * a) * h + drive[:, None] * b[None, :]
            if SAVE:
                tl.store(h_all + at[:, None] * N + n[None, :], h)
            tl.store(y + at, tl.sum(h * c[None, :], axis=1))

    @triton.jit
    def backward_kernel(
        x, dt, A, B, C, h_all, dy, dx, ddt, dA, dB, dC, length, channels, N: tl.constexpr, W: tl.constexpr
    ):
        """The adjoint, backwards in time. dA is per sequence, dB and dC per block of channels: the caller adds them
        up, so that the result does not depend on the order in which programs finish."""
        row = tl.program_id(0).to(tl.int64) * length
        part = (tl.program_id(1).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)) * length
        ch = tl.program_id(1) * W + tl.arange(0, W)
        n = tl.arange(0, N)
        a = tl.load(A + ch[:, None] * N + n[None, :])
        g = tl.zeros((W, N), tl.float32)  # dL/dh[t]
        grad_a = tl.zeros((W, N), tl.float32)
        for i in tl.range(length, num_stages=4):
            t = length - 1 - i
            at = (row + t) * channels + ch
            step = tl.load(dt + at)
            u = tl.load(x + at)
            out = tl.load(dy + at)
            b = tl.load(B + (row + t) * N + n)
            c = tl.load(C + (row + t) * N + n)
            h = tl.load(h_all + at[:, None] * N + n[None, :])
            drive = (step * u)[:, None]

            g += out[:, None] * c[None, :]
            grad_exponent = g * (h - drive * b[None, :])  # h - drive b is exp(dt A) h[t-1]
            grad_drive = tl.sum(g * b[None, :], axis=1)
            grad_a += grad_exponent * step[:, None]
            tl.store(ddt + at, tl.sum(grad_exponent * a, axis=1) + grad_drive * u)
            tl.store(dx + at, grad_drive * step)
            tl.store(dB + (part + t) * N + n, tl.sum(g * drive, axis=0))
            tl.store(dC + (part + t) * N + n, tl.sum(out[:, None] * h, axis=0))
            g *= tl.exp(step[:, None] * a)
        at = (tl.program_id(0).to(tl.int64) * channels + ch[:, None]) * N + n[None, :]
        tl.store(dA + at, grad_a)


def run_forward(x, dt, A, B, C, save):
    """y, and h for every t when `save`."""
    batch, length, channels = x.shape
    states = A.shape[1]
    if channels % CHANNELS or states & (states - 1):
        raise ValueError(f"{channels} channels, {states} states: want a multiple of {CHANNELS} and a power of two")
    y = torch.empty_like(x)
    h = x.new_empty((batch, length, channels, states) if save else (0,))
    forward_kernel[(batch, channels // CHANNELS)](
        x, dt, A, B, C, y, h, length, channels, N=states, W=CHANNELS, SAVE=save, num_warps=1
    )
    return y, h


# Registered as operators so that torch.compile treats each as one opaque step.
@library.custom_op("ssm::selective_scan", mutates_args=())
def scan_op(x: torch.Tensor, dt: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor) -> torch.Tensor:
    return run_forward(x, dt, A, B, C, save=False)[0]


@library.custom_op("ssm::selective_scan_backward", mutates_args=())
def scan_backward_op(
    x: torch.Tensor, dt: torch.Tensor, A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, dy: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    batch, length, channels = x.shape
    blocks, states = channels // CHANNELS, A.shape[1]
    h = run_forward(x, dt, A, B, C, save=True)[1]  # again, so that only one layer's states exist at a time
    dx, ddt = torch.empty_like(x), torch.empty_like(x)
    dA = x.new_empty(batch, channels, states)
    dB, dC = (x.new_empty(blocks, batch, length, states) for _ in "BC")
    backward_kernel[(batch, blocks)](
        x, dt, A, B, C, h, dy, dx, ddt, dA, dB, dC, length, channels, N=states, W=CHANNELS, num_warps=1
    )
    return dx, ddt, dA.sum(0), dB.sum(0), dC.sum(0)


scan_op.register_fake(lambda x, dt, A, B, C: torch.empty_like(x))
scan_backward_op.register_fake(lambda x, dt, A, B, C, dy: tuple(torch.empty_like(v) for v in (x, dt, A, B, C)))
scan_op.register_autograd(
    lambda ctx, dy: scan_backward_op(*ctx.saved_tensors, dy.contiguous()),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def selective_scan(x, dt, A, B, C):
    """y[t] = C[t] . h[t]; see the head of the file."""
    inputs = [v.float().contiguous() for v in (x, dt, A, B, C)]
    return scan_op(*inputs) if x.is_cuda and triton else scan_loop(*inputs)


def check(device):
    """Relative error of the kernels, values and gradients, against the loop in fp64."""
    torch.manual_seed(0)
    batch, length, channels, states = 2, 37, 2 * CHANNELS, 8
    x, dt, A, B, C, dy = (torch.randn(s, dtype=torch.float64, device=device) for s in (
        (batch, length, channels), (batch, length, channels), (channels, states),
        (batch, length, states), (batch, length, states), (batch, length, channels),
    ))  # fmt: skip
    exact = [v.requires_grad_() for v in (x, torch.nn.functional.softplus(dt), -torch.exp(A), B, C)]
    single = [v.detach().float().requires_grad_() for v in exact]
    expected, found = scan_loop(*exact), scan_op(*single)
    pairs = [(expected, found)]
    pairs += zip(torch.autograd.grad(expected, exact, dy), torch.autograd.grad(found, single, dy.float()))
    for name, (want, got) in zip(("y", "dx", "ddt", "dA", "dB", "dC"), pairs):
        error = ((got.double() - want).norm() / want.norm()).item()
        print(f"{name:4} relative error {error:.1e}")
        assert error < 1e-5, f"the kernels and the definition disagree in {name}"


if __name__ == "__main__":
    check("cuda" if torch.cuda.is_available() else "cpu")

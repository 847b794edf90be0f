# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba-1, Falcon Mamba and Mamba-2 in float64 numpy, straight from the formulas.

It shares no code with transformers or with the C++ library: it reads the checkpoint's bytes itself, so that
an agreement between the three is evidence and not an echo.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def read_safetensors(path):
    """Name -> float64 array (I64 tensors stay integers) of one .safetensors file."""
    data = Path(path).read_bytes()
    header_end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:header_end])
    header.pop("__metadata__", None)

    def tensor(entry):
        begin, end = entry["data_offsets"]
        raw = data[header_end + begin : header_end + end]
        if entry["dtype"] == "BF16":  # the upper half of a float32
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
        elif entry["dtype"] == "I64":
            values = np.frombuffer(raw, "<i8")
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype(np.float64)
        return values.reshape(entry["shape"])

    return {name: tensor(entry) for name, entry in header.items()}


def read_checkpoint(folder):
    """(config.json as a dict, all tensors) of a folder, sharded or not."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    index = folder / "model.safetensors.index.json"
    files = ["model.safetensors"]
    if index.exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    tensors = {}
    for file in files:
        tensors |= read_safetensors(folder / file)
    return config, tensors


@dataclass(frozen=True)
class Shape:
    """What the forward pass needs to know, whichever of the config dialects said it."""

    layers: int
    inner: int
    states: int
    kernel: int
    rank: int
    norm_eps: float
    inner_norms: bool = False
    inner_norm_eps: float = 0.0
    # Mamba-2 only.
    heads: int = 0
    groups: int = 0
    dt_limit: tuple = (0.0, math.inf)
    misread: str = ""  # a wrong reading, for make.py to show that it would be noticed


def limits(pair):
    """Two numbers; transformers writes an infinite one as {"__float__": "Infinity"}."""
    return tuple(math.inf if isinstance(value, dict) else value for value in pair)


def shape_of(config):
    if "d_model" in config:  # the original mamba_ssm config; its ssm_cfg defaults to {}
        ssm = config["ssm_cfg"]
        hidden = config["d_model"]
        if ssm.get("layer") == "Mamba2":
            inner = ssm.get("expand", 2) * hidden
            return Shape(
                layers=config["n_layer"],
                inner=inner,
                states=ssm.get("d_state", 128),
                kernel=ssm.get("d_conv", 4),
                rank=0,
                norm_eps=1e-5,
                heads=inner // ssm.get("headdim", 64),
                groups=ssm.get("ngroups", 1),
                dt_limit=limits(ssm.get("dt_limit", (0.0, math.inf))),
            )
        rank = ssm.get("dt_rank", "auto")
        return Shape(
            layers=config["n_layer"],
            inner=ssm.get("expand", 2) * hidden,
            states=ssm.get("d_state", 16),
            kernel=ssm.get("d_conv", 4),
            rank=math.ceil(hidden / 16) if rank == "auto" else rank,
            norm_eps=1e-5,
        )
    hidden = config["hidden_size"]
    if config["model_type"] == "mamba2":
        return Shape(
            layers=config["num_hidden_layers"],
            inner=config["expand"] * hidden,
            states=config["state_size"],
            kernel=config["conv_kernel"],
            rank=0,
            norm_eps=config["layer_norm_epsilon"],
            heads=config["num_heads"],
            groups=config["n_groups"],
            dt_limit=limits(config["time_step_limit"]),
            misread=config.get("misread", ""),
        )
    rank = config.get("time_step_rank", "auto")
    return Shape(
        layers=config["num_hidden_layers"],
        inner=config.get("intermediate_size", config.get("expand", 2) * hidden),
        states=config.get("state_size", 16),
        kernel=config.get("conv_kernel", 4),
        rank=math.ceil(hidden / 16) if rank == "auto" else rank,
        norm_eps=config.get("layer_norm_epsilon", 1e-5),
        inner_norms=config["model_type"] == "falcon_mamba",
        inner_norm_eps=config.get("mixer_rms_eps", 1e-6),
    )


def silu(x):
    return x / (1.0 + np.exp(-x))


def softplus(x):
    return np.where(x > 20.0, x, np.log1p(np.exp(np.minimum(x, 20.0))))


def rms_norm(x, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)


def causal_conv(x, taps, bias):
    """x (tokens, inner), taps (inner, 1, K): the last tap multiplies the current token.

    Returns the convolution and the last K-1 inputs, oldest first, zeros where there were none.
    """
    tokens, kernel = len(x), taps.shape[-1]
    padded = np.concatenate([np.zeros((kernel - 1, x.shape[1])), x])
    y = sum(padded[k : k + tokens] * taps[:, 0, k] for k in range(kernel))
    return y + bias, padded[tokens:].T


def selective_scan(x, dt, A, B, C, D):
    """x, dt (tokens, inner); A (inner, N); B, C (tokens, N); D (inner). Returns y (tokens, inner), h (inner, N)."""
    h = np.zeros_like(A)
    y = np.empty_like(x)
    for t in range(len(x)):
        h = np.exp(dt[t, :, None] * A) * h + (dt[t] * x[t])[:, None] * B[t]
        y[t] = h @ C[t] + D * x[t]
    return y, h


def multihead_scan(x, dt, A, B, C, D, misread):
    """x (tokens, heads, width); dt (tokens, heads); A, D (heads); B, C (tokens, groups, N).

    Returns y like x, h (heads, width, N).
    """
    heads, groups = x.shape[1], B.shape[1]
    group = np.arange(heads) % groups if misread == "groups take turns" else np.arange(heads) // (heads // groups)
    h = np.zeros((*x.shape[1:], B.shape[2]))
    y = np.empty_like(x)
    for t in range(len(x)):
        drive = dt[t, :, None] * x[t]
        h = np.exp(dt[t] * A)[:, None, None] * h + drive[:, :, None] * B[t, group][:, None, :]
        y[t] = np.einsum("hpn,hn->hp", h, C[t, group]) + D[:, None] * x[t]
    return y, h


def mixer2(u, w, shape):
    """Mamba-2's mixer: as `mixer`, with the ssm state as (inner, N)."""
    tokens, inner, groups, states = len(u), shape.inner, shape.groups, shape.states
    z, xbc, dt = np.split(u @ w["in_proj.weight"].T + w.get("in_proj.bias", 0.0), [inner, -shape.heads], axis=1)
    xbc, conv_state = causal_conv(xbc, w["conv1d.weight"], w.get("conv1d.bias", 0.0))
    x, B, C = np.split(silu(xbc), [inner, inner + groups * states], axis=1)
    dt = np.clip(softplus(dt + w["dt_bias"]), *shape.dt_limit)
    y, h = multihead_scan(
        x.reshape(tokens, shape.heads, -1),
        dt,
        -np.exp(w["A_log"]),
        B.reshape(tokens, groups, states),
        C.reshape(tokens, groups, states),
        w["D"],
        shape.misread,
    )
    y = y.reshape(tokens, inner)
    if shape.misread == "norm before gate":
        y = rms_norm(y.reshape(tokens, groups, -1), shape.norm_eps).reshape(tokens, inner) * w["norm.weight"] * silu(z)
    else:
        norm_groups = 1 if shape.misread == "norm of all groups" else groups
        y = rms_norm((y * silu(z)).reshape(tokens, norm_groups, -1), shape.norm_eps).reshape(tokens, inner)
        y = y * w["norm.weight"]
    return y @ w["out_proj.weight"].T + w.get("out_proj.bias", 0.0), conv_state, h.reshape(inner, states)


def mixer(u, w, shape):
    """u (tokens, hidden), w: the mixer's tensors by short name. Returns (out, conv state, ssm state)."""
    x, z = np.split(u @ w["in_proj.weight"].T + w.get("in_proj.bias", 0.0), [shape.inner], axis=1)
    x, conv_state = causal_conv(x, w["conv1d.weight"], w.get("conv1d.bias", 0.0))
    x = silu(x)
    dt, B, C = np.split(x @ w["x_proj.weight"].T, [shape.rank, shape.rank + shape.states], axis=1)
    if shape.inner_norms:
        dt, B, C = (rms_norm(v, shape.inner_norm_eps) for v in (dt, B, C))
    dt = softplus(dt @ w["dt_proj.weight"].T + w["dt_proj.bias"])
    y, ssm_state = selective_scan(x, dt, -np.exp(w["A_log"]), B, C, w["D"])
    return (y * silu(z)) @ w["out_proj.weight"].T + w.get("out_proj.bias", 0.0), conv_state, ssm_state


def forward(config, tensors, ids):
    """(logits (tokens, vocab), conv_state (layers, channels, K-1), ssm_state (layers, inner, N)), from a zero state."""
    shape = shape_of(config)
    embedding = "embedding" if "d_model" in config else "embeddings"
    table = tensors[f"backbone.{embedding}.weight"]
    residual = table[np.asarray(ids)]
    conv_states, ssm_states = [], []
    for layer in range(shape.layers):
        prefix = f"backbone.layers.{layer}."
        weights = {n.removeprefix(prefix + "mixer."): v for n, v in tensors.items() if n.startswith(prefix + "mixer.")}
        normed = rms_norm(residual, shape.norm_eps) * tensors[prefix + "norm.weight"]
        out, conv_state, ssm_state = (mixer2 if shape.heads else mixer)(normed, weights, shape)
        residual = residual + out
        conv_states.append(conv_state)
        ssm_states.append(ssm_state)
    head = tensors.get("lm_head.weight", table)
    logits = rms_norm(residual, shape.norm_eps) * tensors["backbone.norm_f.weight"] @ head.T
    return logits, np.stack(conv_states), np.stack(ssm_states)

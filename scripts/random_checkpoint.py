# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a Falcon Mamba of random bf16 weights as Hugging Face would, for measuring how much memory it takes to run one.

python3 scripts/random_checkpoint.py FOLDER [h768|h2048]
"""
import json
import pathlib
import random
import struct
import sys

# Those of include/ssm/io/synthetic_checkpoint.hpp, which nobody has published.
SHAPES = {"h768": (768, 24, 64), "h2048": (2048, 48, 128)}  # hidden, layers, dt_rank
VOCAB, STATE, TAPS = 65024, 16, 4


def tensors(hidden, layers, rank):
    """Names and shapes, in the order of the file."""
    inner = 2 * hidden
    yield "backbone.embeddings.weight", [VOCAB, hidden]
    for i in range(layers):
        mixer = f"backbone.layers.{i}.mixer."
        yield f"backbone.layers.{i}.norm.weight", [hidden]
        yield mixer + "in_proj.weight", [2 * inner, hidden]
        yield mixer + "conv1d.weight", [inner, 1, TAPS]
        yield mixer + "conv1d.bias", [inner]
        yield mixer + "x_proj.weight", [rank + 2 * STATE, inner]
        yield mixer + "dt_proj.weight", [inner, rank]
        yield mixer + "dt_proj.bias", [inner]
        yield mixer + "A_log", [inner, STATE]
        yield mixer + "D", [inner]
        yield mixer + "out_proj.weight", [hidden, inner]
    yield "backbone.norm_f.weight", [hidden]
    yield "lm_head.weight", [VOCAB, hidden]


def main(folder, shape):
    hidden, layers, rank = SHAPES[shape]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    config = {"model_type": "falcon_mamba", "hidden_size": hidden, "intermediate_size": 2 * hidden,
              "num_hidden_layers": layers, "state_size": STATE, "conv_kernel": TAPS, "time_step_rank": rank,
              "vocab_size": VOCAB, "tie_word_embeddings": False, "use_bias": False, "use_conv_bias": True,
              "layer_norm_epsilon": 1e-5, "mixer_rms_eps": 1e-6, "hidden_act": "silu"}
    (folder / "config.json").write_text(json.dumps(config))

    header, end = {}, 0
    for name, dims in tensors(hidden, layers, rank):
        size = 2
        for extent in dims:
            size *= extent
        header[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)

    random.seed(1)
    numbers = [struct.pack("<f", random.uniform(-0.03, 0.03))[2:] for _ in range(1 << 19)]
    block = b"".join(numbers)  # a MiB, again and again
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while end > 0:
            file.write(block[:end])
            end -= len(block)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] not in SHAPES):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "h768")

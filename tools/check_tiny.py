# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Checks a folder written by train_tiny.py against transformers, measures it and prints samples.

    python tools/check_tiny.py --model models/fairy-tiny --data tales.txt

transformers runs in fp32 with use_cache=False, and must agree with the training code on the logits and on the
validation loss.
"""

import argparse
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoTokenizer, FalconMambaForCausalLM

from tales import read_book
from train_tiny import LanguageModel, evaluate


class Logits(torch.nn.Module):
    """transformers' model in the shape that evaluate() expects."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(ids, use_cache=False).logits


@torch.no_grad()
def sample(model, tokenizer, prompt, tokens, temperature=0.8, top_p=0.95):
    """Plain nucleus sampling that runs the whole text again for each token: slow, and without any cache to go wrong."""
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    for _ in range(tokens):
        logits = model(ids, use_cache=False).logits[0, -1] / max(temperature, 1e-6)
        p, order = F.softmax(logits, -1).sort(descending=True)
        p[p.cumsum(-1) - p > top_p] = 0
        choice = order[torch.multinomial(p, 1)] if temperature else order[:1]
        if choice.item() == tokenizer.eos_token_id:
            break
        ids = torch.cat([ids, choice[None]], dim=1)
    return tokenizer.decode(ids[0])


def measure(ours, theirs, tokenizer, args):
    """Losses in nats per token over windows of --length tokens, each from an empty state."""
    tales, held_out = read_book(args.data)
    validation = torch.tensor(tokenizer(held_out).input_ids)
    some = torch.tensor(tokenizer(tales[len(tales) // 2]).input_ids)
    for tale in tales[len(tales) // 2 + 1 :]:
        if len(some) >= len(validation):
            break
        some = torch.cat([some, torch.tensor([tokenizer.eos_token_id] + tokenizer(tale).input_ids)])
    loss = evaluate(ours, validation, args.length, batch=4)
    reference = evaluate(Logits(theirs), validation, args.length, batch=4)
    assert abs(loss - reference) < 1e-4, f"{loss} and {reference} by transformers"
    bits = loss * (len(validation) - 1) / math.log(2) / len(held_out.encode())
    print(f"{sum(p.numel() for p in ours.parameters())} parameters, {len(validation)} tokens of {len(held_out)} bytes")
    print(f"validation loss {loss:.5f} ({reference:.5f} by transformers), perplexity {math.exp(loss):.2f}")
    print(f"validation bits per byte {bits:.4f}")
    print(f"validation loss as one stream {evaluate(ours, validation, len(validation) - 1):.5f}")
    print(f"loss on {len(some)} tokens of the training text {evaluate(ours, some, args.length, batch=4):.5f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="also compare the validation loss on this book")
    parser.add_argument("--length", type=int, default=1024, help="window of the validation loss")
    parser.add_argument("--tokens", type=int, default=120, help="tokens per sample")
    parser.add_argument("--prompt", action="append", help="may be given several times")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    theirs, loading = FalconMambaForCausalLM.from_pretrained(args.model, dtype=torch.float32, output_loading_info=True)
    theirs.eval()
    assert not any(loading.values()), f"the checkpoint does not fit: {loading}"
    assert tokenizer.eos_token_id == theirs.config.eos_token_id == theirs.generation_config.eos_token_id

    ours = LanguageModel(theirs.config.to_dict())
    ours.load_state_dict({name: tensor.float() for name, tensor in load_file(args.model / "model.safetensors").items()})
    ids = torch.randint(theirs.config.vocab_size, (2, 100), generator=torch.Generator().manual_seed(args.seed))
    with torch.no_grad():
        expected, found = theirs(ids, use_cache=False).logits, ours(ids)
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    print(f"logits: largest difference {error:.1e} of the largest logit")
    assert error < 1e-5

    if args.data:
        measure(ours, theirs, tokenizer, args)

    torch.manual_seed(args.seed)
    for prompt in args.prompt or ["Once upon a time", "The old king said", '"Who are you?" said the wolf']:
        print("---\n" + sample(theirs, tokenizer, prompt, args.tokens))


if __name__ == "__main__":
    main()

# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Token ids from the `tokenizers` library for the texts of nasty_text.py."""

import copy
import hashlib
import json
import random

from tokenizers import Tokenizer

import nasty_text

REPEAT_BYTES = 1 << 20
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", ">>TITLE<<", "<|a|>", "<|a|><|b|>"]


def byte_map():
    """byte -> the printable character that stands for it in a byte-level vocabulary."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def probe():
    """A tokenizer.json that shows where the pre-tokenizer cuts: its merges join what must have been cut apart.

    A trained vocabulary has hardly any merge across a cut, so a wrong cut would go unseen. The merges are
    written as pairs, the second of the two forms in use.
    """
    classes = [ord(c) for c in "as12!'. \n\t\r\0"]
    leads, tails = range(0xC2, 0xF5), range(0x80, 0xC0)
    digits = range(ord("0"), ord("9") + 1)
    pairs = [(a, b) for a in classes for b in classes]
    pairs += [(a, b) for a in digits for b in digits]
    pairs += [(ord(" "), b) for b in range(256)]
    pairs += [(a, b) for a in classes for b in leads]
    pairs += [(a, b) for a in tails for b in classes]
    pairs += [(a, b) for a in tails for b in (0xCC, 0xE2, 0xF0)]
    pairs += [(a, b) for a in range(0xC2, 0xC6) for b in tails]
    character = byte_map()
    merges = [[character[a], character[b]] for a, b in dict.fromkeys(pairs)]
    symbols = SPECIALS + [character[byte] for byte in range(256)] + [a + b for a, b in merges]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": n,
                "content": content,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for n, content in enumerate(SPECIALS)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Punctuation", "behavior": "Contiguous"},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                {"type": "Digits", "individual_digits": False},
                {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": False},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {symbol: n for n, symbol in enumerate(symbols)},
            "merges": merges,
        },
    }


def encode(tokenizer, text, parse_specials=True):
    tokenizer.encode_special_tokens = not parse_specials
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    return ids


def encode_cases(tokenizer, groups):
    return [
        {"group": group, "text": text, "ids": encode(tokenizer, text)}
        for group, texts in groups.items()
        for text in dict.fromkeys(texts)
    ]


def special_cases(tokenizer):
    """Text that contains special tokens, read with them parsed and with them taken literally."""
    specials = [token.content for _, token in sorted(tokenizer.get_added_tokens_decoder().items()) if token.special]
    first, last = specials[0], specials[-1]
    texts = [*specials, "".join(specials), f"{first}{first}", f"{first}\n{last}"]
    texts += [f"a{first}b", f" {first} ", f"1{first}2", f"!{first}!"]
    texts += [first[:-1], first[1:], first[:-1] + first, first + last[1:], first.upper(), f"it{first}'s {last}é"]
    cases = []
    for text in dict.fromkeys(texts):
        parsed = encode(tokenizer, text)
        cases.append(
            {
                "text": text,
                "parsed_ids": parsed,
                "literal_ids": encode(tokenizer, text, parse_specials=False),
                "without_specials": tokenizer.decode(parsed, skip_special_tokens=True),
            }
        )
    return cases


def decode_cases(tokenizer, count):
    """Ids whose bytes are mostly not whole characters: what is broken becomes U+FFFD, once per maximal part."""
    rng = random.Random(20260102)
    euro = encode(tokenizer, "a€b😀c")
    sequences = [euro[:n] for n in range(len(euro) + 1)] + [euro[n:] for n in range(1, len(euro))]
    size = tokenizer.get_vocab_size()
    sequences += [[rng.randrange(size) for _ in range(rng.randrange(1, 12))] for _ in range(count)]
    return [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)} for ids in sequences]


def repeat_cases(tokenizer):
    """A megabyte of one thing, said as a rule on both sides: ids = period * periods + tail."""
    cases = []
    for unit in ("a", " ", "\n", "!", "7", "é", "ab", " a"):
        count = REPEAT_BYTES // len(unit.encode())
        ids = encode(tokenizer, unit * count)
        length = next(n for n in range(1, 9) if ids[:n] == ids[n : 2 * n])
        periods = next(n for n in range(len(ids) // length, 0, -1) if ids[:length] * n == ids[: length * n])
        cases.append(
            {
                "unit": unit,
                "count": count,
                "period": ids[:length],
                "periods": periods,
                "tail": ids[length * periods :],
            }
        )
    return cases


def write(path, tokenizer_file, tokenizer_bytes, goldens):
    """JSON with one case a line, so that a diff shows the case."""
    lines = [f'"tokenizer": {json.dumps(tokenizer_file)}']
    lines.append(f'"tokenizer_sha256": "{hashlib.sha256(tokenizer_bytes).hexdigest()}"')
    for name, cases in goldens.items():
        body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        lines.append(f'"{name}": [\n{body}\n]')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name:36} {sum(map(len, goldens.values())):9} cases {path.stat().st_size:24}", flush=True)


def sections(tokenizer, groups):
    return {
        "encode": encode_cases(tokenizer, groups),
        "special": special_cases(tokenizer),
        "decode": decode_cases(tokenizer, 60),
        "repeat": repeat_cases(tokenizer),
    }


def check_every_step_matters(description, cases):
    """Leaving out a step of the pre-tokenizer must change the ids of some text."""
    for step in range(len(description["pre_tokenizer"]["pretokenizers"])):
        shorter = copy.deepcopy(description)
        left_out = shorter["pre_tokenizer"]["pretokenizers"].pop(step)
        if left_out["type"] != "ByteLevel":  # without it there are no bytes to look up
            other = Tokenizer.from_str(json.dumps(shorter))
            changed = sum(other.encode(case["text"], add_special_tokens=False).ids != case["ids"] for case in cases)
            assert changed >= 20, f"without {left_out['type']} only {changed} texts change"


def make_probe(folder):
    folder.mkdir(parents=True, exist_ok=True)
    description = probe()
    text = json.dumps(description, ensure_ascii=False, separators=(",", ":")) + "\n"
    (folder / "probe.json").write_text(text)
    groups = nasty_text.GROUPS | {
        "code points": nasty_text.single_code_points(),
        "punctuation marks": nasty_text.every_punctuation_mark(),
        "categories": nasty_text.category_samples(),
        "random": nasty_text.random_texts(200),
    }
    goldens = sections(Tokenizer.from_str(text), groups)
    check_every_step_matters(description, goldens["encode"])
    write(folder / "probe_cases.json", "probe.json", text.encode(), goldens)


def make_trained(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    groups = nasty_text.GROUPS | {
        "code points": nasty_text.single_code_points(),
        "random": nasty_text.random_texts(200, seed=20260103),
    }
    goldens = sections(Tokenizer.from_file(str(source)), groups)
    write(folder / "cases.json", "/".join(source.parts[-3:]), source.read_bytes(), goldens)

# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Plots what ssm-bench found in several dtypes against the limits of its machine, as SVG on standard output.

python3 scripts/plot_cpu.py FOLDER > cpu.svg, with the reports of scripts/bench_cpu.sh in FOLDER.
"""
import json
import pathlib
import sys
from xml.sax.saxutils import escape

ORDER = ["f32", "bf16", "bf16-narrow", "q8", "q4"]
COLOURS = ["#4878a8", "#a8c4dc"]  # fewer threads, more threads
LEFT, TOP, WIDTH, HEIGHT, GAP = 50, 60, 300, 200, 60


def text(x, y, content, anchor="middle", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(content)}</text>'


def panel(left, title, unit, phase, reports):
    """One phase: a group of bars a dtype, a bar for each number of threads, as per cent of the limit."""
    parts = [text(left + WIDTH / 2, TOP - 24, title, size=13)]
    for percent in range(0, 101, 25):
        y = TOP + HEIGHT * (1 - percent / 100)
        parts.append(f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(text(left - 6, y + 4, f"{percent}%", "end", 10))
    group = WIDTH / len(reports)
    for i, (name, report) in enumerate(reports):
        rows = [row for row in report["rows"] if row["phase"] == phase][:2]
        bar = group * 0.8 / max(1, len(rows))
        for j, row in enumerate(rows):
            share = row["percent_of_limit"] / 100
            x = left + group * (i + 0.1) + bar * j
            height = HEIGHT * min(share, 1.1)
            parts.append(
                f'<rect x="{x:.1f}" y="{TOP + HEIGHT - height:.1f}" width="{bar - 2:.1f}" height="{height:.1f}" '
                f'fill="{COLOURS[j]}"><title>{escape(name)}, {row["threads"]} threads: '
                f'{row["tokens_per_second"]:.1f} tokens/s, {100 * share:.0f}% of {row["limit"]:.0f} {unit}</title></rect>')
            parts.append(text(x + bar / 2 - 1, TOP + HEIGHT - height - 4, f'{row["tokens_per_second"]:.0f}', size=9))
        parts.append(text(left + group * (i + 0.5), TOP + HEIGHT + 16, name))
    return parts


def main(folder):
    reports = []
    for name in ORDER:
        file = pathlib.Path(folder) / f"{name}.json"
        if file.exists():
            reports.append((name, json.loads(file.read_text())))
    if not reports:
        sys.exit(f"{folder}: no report of {', '.join(ORDER)}.json: run scripts/bench_cpu.sh first")
    threads = sorted({row["threads"] for _, report in reports for row in report["rows"]})[:2]
    width = 2 * (LEFT + WIDTH) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 60}" '
        'font-family="sans-serif" fill="#222">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *panel(LEFT, "Prompts: share of multiply-adds on registers", "GFLOP/s", "prefill", reports),
        *panel(2 * LEFT + WIDTH + GAP, "Decoding: share of memory read", "GB/s", "decode", reports),
    ]
    for j, count in enumerate(threads):
        x = LEFT + 110 * j
        parts.append(f'<rect x="{x}" y="{TOP + HEIGHT + 32}" width="12" height="12" fill="{COLOURS[j]}"/>')
        parts.append(text(x + 18, TOP + HEIGHT + 42, f"{count} thread{'s' if count > 1 else ''}", "start"))
    parts.append(text(width - 10, TOP + HEIGHT + 42, f"{reports[0][1]['model']}; numbers are tokens a second", "end"))
    print("\n".join([*parts, "</svg>"]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

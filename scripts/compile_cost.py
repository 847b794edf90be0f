#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""What it costs to compile the headers: CPU seconds and bytes of object code, beside those of including <Eigen/Dense>.

    scripts/compile_cost.py [--compiler c++] [--eigen /usr/include/eigen3] [--nvcc nvcc] [--check] [-- flags...]

A figure is the least of some runs of one compiler process, in user time, so that a busy machine changes it little. With
--check the exit status says whether every ratio is within its bound: one that is not is measured again, twice at most, and
Eigen with it.
"""
import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DENSE = "#include <Eigen/Dense>\n"

ONE_MODEL = """
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/ssm.hpp>

ssm::token_id next(const ssm::synthetic_checkpoint& weights, const ssm::cpu& device, std::span<const ssm::token_id> ids) {
    ssm::session session(ssm::load<ssm::falcon_mamba<ssm::cpu>>(weights, device));
    session.prefill(ids);
    ssm::sampler sampler;
    return session.next(sampler);
}
"""

# Name, source, and the most that it may cost in units of <Eigen/Dense>: half as much again as was measured, or more.
CASES = [
    ("<ssm/math.hpp>", "#include <ssm/math.hpp>\n", 0.5),
    ("<ssm/ssm.hpp>", "#include <ssm/ssm.hpp>\n", 1.5),
    ("<ssm/backend/cpu/cpu.hpp>", "#include <ssm/backend/cpu/cpu.hpp>\n", 1.6),
    ("a model on the CPU", ONE_MODEL, 6.0),
]
CUDA_CASES = [("<ssm/ssm_cuda.cuh>", "#include <ssm/ssm_cuda.cuh>\n", 13.0)]


def cost(command, source, suffix, runs=1):
    """The least user time of `runs` compilations, and the size of the object's sections."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "unit" + suffix)
        file.write_text(source)
        object_file = pathlib.Path(folder, "unit.o")
        best = float("inf")
        for _ in range(runs):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([*command, "-c", str(file), "-o", str(object_file)], check=True)
            best = min(best, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        sections = subprocess.run(["size", str(object_file)], check=True, capture_output=True, text=True).stdout
        text, data, bss = (int(number) for number in sections.splitlines()[1].split()[:3])
        return best, text + data + bss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default=os.environ.get("CXX", "c++"))
    parser.add_argument("--eigen", default="/usr/include/eigen3", help="the folder that holds Eigen/")
    parser.add_argument("--nvcc", help="measure what includes CUDA as well, with this compiler; one run")
    parser.add_argument("--runs", type=int, default=3, help="compilations of each source (default: 3)")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is above its bound")
    parser.add_argument("flags", nargs="*", default=["-O1"], help="-O1 unless given")
    arguments = parser.parse_args()

    includes = [f"-I{ROOT / 'include'}"]
    command = [arguments.compiler, "-std=c++20", *arguments.flags, *includes, "-isystem", arguments.eigen]
    failed = False
    eigen, _ = cost(command, DENSE, ".cpp", arguments.runs)
    print(f"{'':28}{'user s':>8}{'ratio':>8}{'bound':>8}{'bytes':>10}")
    print(f"{'<Eigen/Dense>':28}{eigen:8.2f}{1:8.2f}", flush=True)
    measured = [(command, ".cpp", arguments.runs, *case) for case in CASES]
    if arguments.nvcc:
        measured += [([arguments.nvcc, "-std=c++20", "-arch=sm_90", *includes], ".cu", 1, *case) for case in CUDA_CASES]
    for compiler, suffix, runs, name, source, bound in measured:
        seconds, size = cost(compiler, source, suffix, runs)
        for _ in range(2):
            if arguments.check and seconds > bound * eigen:
                eigen = min(eigen, cost(command, DENSE, ".cpp")[0])
                seconds = min(seconds, cost(compiler, source, suffix)[0])
        over = seconds > bound * eigen
        failed |= over
        print(f"{name:28}{seconds:8.2f}{seconds / eigen:8.2f}{bound:8}{size:10}{'  too much' if over else ''}", flush=True)
    return 1 if failed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())

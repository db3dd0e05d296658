#!/usr/bin/env python3
"""Checks that the artifacts of two versions of the compiler compute the same. Usage:

    tests/same_artifacts.py OLD_BUILD NEW_BUILD [--models N] [--networks]

Both builds hold `erc` and `make_model` (build/release of two checkouts). The networks of the model maker and the models of ONNX's
backend suite (ERC_TESTDATA, default ../shared) are compiled by both. Artifacts for sim:* must be equal byte for byte if the versions
have the same format; otherwise as those for other targets. Of those for cpu:* and emulated:*, and of six networks for sm_80, sm_90 and compute_80 where NVRTC is installed, META and PLAN must
be equal except for the names and digests of kernels, which depend on the comments in templates. Each CODE section must
be equal: it holds no name and no digest. A model that does not compile must fail in both with the same exit code.

A summary goes to standard output; the exit code is 1 if there is a difference."""
import argparse
import collections
import concurrent.futures
import glob
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile

META, PLAN, WEIGHTS, CODE = 1, 2, 3, 4
SIM = ["sim:h100", "sim:a100", "sim:epyc-64"]
BUILT = ["cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"]
CUDA = ["cuda:sm_80", "cuda:sm_90", "cuda:compute_80"]
CUDA_NETWORKS = ["squeezenet", "mobilenetv2", "resnet50", "bert_base", "gpt2", "densenet201"]
NONE = 0xffffffff

# The tables of PLAN, in the order of its header (schemas/artifact.h). S: a string; K and D: a kernel's name and digest.
TABLES = [("strings", None), ("targets", "SIIIQIIIIQII"), ("budgets", "SIIIQ"), ("entries", "SIIIIIIIQQII"), ("tensors", "SBBBB8IQ8q"),
          ("plans", "II"), ("records", "ISIIIIIIQQQII"), ("operands", "BBHIQQ"), ("variants", "IIIIQIHHIIQIHHIS"),
          ("kernels", "KIIHHD"), ("params", "q"), ("profiles", "IIIIIIIIQ"), ("points", "IIQQ")]


class Artifact:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.version = self.bytes[8:12]
        toc, count = struct.unpack_from("<QI", self.bytes, 24)
        self.sections = {}
        for i in range(count):
            kind, _, offset, size = struct.unpack_from("<IIQQ", self.bytes, toc + 64 * i)
            self.sections.setdefault(kind, []).append(self.bytes[offset:offset + size])

    def plan(self):
        """Each table as a list of tuples, with strings instead of their offsets, without names and digests of
        kernels."""
        plan, tables = self.sections[PLAN][0], {}
        heads = {name: struct.unpack_from("<QII", plan, 8 + 16 * i) for i, (name, _) in enumerate(TABLES)}
        strings = plan[heads["strings"][0]:heads["strings"][0] + heads["strings"][1]]

        def text(at):
            return strings[at:strings.index(0, at)].decode() if at != NONE else None

        for name, form in TABLES[1:]:
            offset, count, stride = heads[name]
            layout = "<" + form.replace("S", "I").replace("K", "I").replace("D", "32s")
            columns = re.findall(r"\d*[A-Za-z]", form)
            wide = [c for c in columns for _ in range(int(c[:-1] or 1))]
            rows = []
            for i in range(count):
                row = list(struct.unpack_from(layout, plan, offset + stride * i))
                for k, column in enumerate(wide):
                    if column == "S":
                        row[k] = text(row[k])
                    elif column == "K":
                        row[k] = text(row[k]).rsplit("_", 1)[0]
                    elif column == "D":
                        row[k] = b""
                rows.append(tuple(row))
            tables[name] = rows
        return tables


def first_difference(old, new):
    """Where two artifacts differ in what they compute; None: nowhere."""
    for kind, name in ((META, "META"), (WEIGHTS, "WEIGHTS"), (CODE, "CODE")):
        if old.sections.get(kind) != new.sections.get(kind):
            return name
    a, b = old.plan(), new.plan()
    for name in a:
        if a[name] == b[name]:
            continue
        if len(a[name]) != len(b[name]):
            return f"PLAN: {len(a[name])} and {len(b[name])} {name}"
        row = next(i for i, (x, y) in enumerate(zip(a[name], b[name])) if x != y)
        return f"PLAN: {name}[{row}]: {a[name][row]} and {b[name][row]}"
    return None


class Comparison:
    def __init__(self, old, new, work):
        self.old, self.new, self.work = old, new, work
        self.counts, self.differences = {}, []

    def compile(self, build, model, target, out):
        command = [os.path.join(build, "erc"), "compile", model, "-o", out, "--target", target, "--quiet"]
        return subprocess.run(command, capture_output=True, text=True, check=False).returncode

    def compare(self, model, target):
        """The target, and a word: equal, refused, or how the two differ."""
        stem = os.path.join(self.work, f"{abs(hash((model, target))):x}")
        paths = [stem + ".old", stem + ".new"]
        codes = [self.compile(build, model, target, path) for build, path in zip((self.old, self.new), paths)]
        try:
            if codes[0] != codes[1]:
                return f"exit codes {codes[0]} and {codes[1]}"
            if codes[0]:
                return "refused"
            old, new = (Artifact(path) for path in paths)
            if target.startswith("sim:") and old.version == new.version:
                return "equal" if old.bytes == new.bytes else first_difference(old, new) or "bytes outside META, PLAN, WEIGHTS and CODE"
            return first_difference(old, new) or "equal"
        finally:
            for path in paths:
                if os.path.exists(path):
                    os.remove(path)

    def run(self, pairs):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for (model, target), word in zip(pairs, pool.map(lambda pair: self.compare(*pair), pairs)):
                kind = word if word in ("equal", "refused") else "different"
                self.counts[target, kind] = self.counts.get((target, kind), 0) + 1
                if kind == "different":
                    self.differences.append(f"{os.path.relpath(model, self.work)}, {target}: {word}")


def unpack_suite(folder):
    data = os.environ.get("ERC_TESTDATA", "../shared")
    archives = sorted(glob.glob(os.path.join(data, "conformance", "*.tar.xz")))
    for archive in archives[:1]:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, [m for m in tar.getmembers() if m.name.endswith(".onnx")], filter="data")
    return sorted(glob.glob(os.path.join(folder, "**", "*.onnx"), recursive=True))


def has_nvrtc(build, model, work):
    return not Comparison(build, build, work).compile(build, model, CUDA[0], os.path.join(work, "probe"))


def main():
    parser = argparse.ArgumentParser(usage="same_artifacts.py OLD_BUILD NEW_BUILD [--models N] [--networks]")
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--models", type=int, help="every N-th model of the suite")
    parser.add_argument("--networks", action="store_true", help="no models of the suite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        make = os.path.join(options.new, "make_model")
        names = subprocess.run([make], capture_output=True, text=True, check=False)
        networks = []
        for name in re.search(r"^names: (.*)$", names.stderr + names.stdout, flags=re.M)[1].split():
            path = os.path.join(work, name + ".onnx")
            if not subprocess.run([make, name, path], capture_output=True, check=False).returncode:
                networks.append(path)
        suite = [] if options.networks else unpack_suite(os.path.join(work, "suite"))[::options.models or 1]
        comparison = Comparison(options.old, options.new, work)
        comparison.run([(model, target) for model in networks + suite for target in SIM + BUILT])
        chosen = [path for path in networks if os.path.basename(path)[:-5] in CUDA_NETWORKS]
        if chosen and has_nvrtc(options.new, chosen[0], work):
            comparison.run([(model, target) for model in chosen for target in CUDA])
        else:
            print(f"skipped: {len(chosen) * len(CUDA)} artifacts for CUDA (no NVRTC)")
        print(f"{len(networks)} networks, {len(suite)} models of the suite" + ("" if suite or options.networks else " (none: ERC_TESTDATA)"))
        for target in SIM + BUILT + CUDA:
            words = [f"{comparison.counts.get((target, kind), 0)} {kind}" for kind in ("equal", "refused", "different")]
            print(f"  {target:<16s} {', '.join(words)}")
        reasons = collections.Counter(re.sub(r"^.*, (\S+): (\w+( \w+)?).*", r"\1: \2", line) for line in comparison.differences)
        for reason, count in sorted(reasons.items()):
            print(f"  {count:5d} x {reason}")
        for line in comparison.differences[:40]:
            print(f"DIFFERENT: {line}")
        return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())

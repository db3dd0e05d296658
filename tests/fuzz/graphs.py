"""Compares random graphs with ONNX Runtime: `make fuzz-graphs`. Generates valid graphs of the operators that `erc ops`
lists. ONNX Runtime (optimisations off) computes them. They are written as cases of the conformance runner (model.onnx,
test_data_set_0), which compiles, runs and compares them. The same seed gives the same graphs. README.md says more.

  graphs.py --erc BUILD --work DIR [--seed N] [--first N] [--count N] [--numbers N,N] [--only OP,OP]
            [--keep N FILE.tar.xz]"""

import argparse
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile

import numpy as np
import onnx

import graphs_layers  # noqa: F401 (registers makers)
from graphs_draw import MAKERS, TRAITS, draw, write_case
from graphs_judge import Judge, category

BATCH = 200
KEPT_BYTES = 12 << 10  # of a stored graph, at most


def random_of(arguments, number):
    return np.random.default_rng([arguments.seed, number])


def case_name(arguments, number):
    return f"test_{arguments.seed}_{number}"


# ---- drawing, in a child process, because ONNX Runtime may end it ----

def draw_batch(arguments, names, root, numbers, notes):
    """Writes the cases, and a line of JSON for each graph: its traits and operators, or why there is none."""
    for number in numbers:
        notes.write(json.dumps({"begin": number}) + "\n")
        notes.flush()
        refused, folder = collections.Counter(), None
        note = {"number": number}
        try:
            graph = draw(random_of(arguments, number), names, refused)
            if graph:
                folder = os.path.join(root, category(graph), case_name(arguments, number))
                write_case(graph, folder)
                note.update(traits=sorted(graph.traits), operators=[n.op_type for n in graph.nodes], opset=graph.opset)
            else:
                note["none"] = "no node of it"
        except Exception as error:
            note["none"] = str(error).splitlines()[0][:160]
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
        note["refused"] = refused
        notes.write(json.dumps(note) + "\n")
        notes.flush()


def draw_all(arguments, names, root, numbers):
    """The notes of all graphs. A graph that ends ONNX Runtime is noted, and the next child goes on after it."""
    done, path = [], os.path.join(arguments.work, "notes.txt")
    while numbers:
        child = os.fork()
        if child == 0:
            with open(path, "w", encoding="utf-8") as notes:
                draw_batch(arguments, names, root, numbers, notes)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        with open(path, encoding="utf-8") as notes:
            lines = [json.loads(line) for line in notes]
        done += [line for line in lines if "number" in line]
        if status == 0:
            break
        last = lines[-1]["begin"]
        how = signal.strsignal(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
        done.append({"number": last, "none": f"ONNX Runtime ends: {how}", "refused": {}})
        for kind in os.listdir(root):
            shutil.rmtree(os.path.join(root, kind, case_name(arguments, last)), ignore_errors=True)
        numbers = [n for n in numbers if n > last]
    return done


# ---- summary ----

class Summary:
    def __init__(self):
        self.counts, self.traits, self.operators, self.opsets = (collections.Counter() for _ in range(4))
        self.refused, self.reasons, self.explained = (collections.Counter() for _ in range(3))

    def add_notes(self, notes):
        for note in notes:
            self.refused.update(note["refused"])
            if "none" in note:
                self.counts["not drawn"] += 1
                self.refused["whole graph: " + re.sub(r"[0-9]+", "N", note["none"])] += 1
            else:
                self.traits.update(note["traits"] or ["none"])
                self.operators.update(note["operators"])
                self.opsets[note["opset"]] += 1

    def line(self, number):
        return f"  {number}: " + ", ".join(f"{v} {k}" for k, v in self.counts.items())

    def print(self, names):
        print("nodes: " + " ".join(f"{n}:{self.operators[n]}" for n in names))
        print("traits: " + " ".join(f"{t}:{self.traits[t]}" for t in [*TRAITS, "none"]))
        print("opsets: " + " ".join(f"{o}:{self.opsets[o]}" for o in sorted(self.opsets)))
        for title, table in (("explained differences", self.explained), ("refused by erc", self.reasons),
                             ("refused by ONNX Runtime or not comparable", self.refused)):
            print(title)
            for why, count in table.most_common(80):
                print(f"  {count:5d} {why}")


def keep(archive, folders):
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for path, name in folders:
            tar.add(path, f"data/{name}", filter=lambda i: (setattr(i, "mtime", 0), setattr(i, "uid", 0), setattr(i, "gid", 0),
                                                            setattr(i, "uname", ""), setattr(i, "gname", ""), i)[-1])


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def folder_of(root, name):
    return next(os.path.join(root, kind, name) for kind in os.listdir(root) if os.path.isdir(os.path.join(root, kind, name)))


def run_batch(arguments, judge, names, numbers, summary):
    """Returns the root of the cases and the names of the equal ones."""
    root = os.path.join(arguments.work, "data")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    notes = draw_all(arguments, names, root, numbers)
    summary.add_notes(notes)
    good, said, unsupported = judge.conformance(root)
    summary.counts["equal"] += len(good)
    for row in unsupported:
        summary.counts["refused by erc"] += 1
        summary.reasons[re.sub(r"[0-9]+", "N", re.sub(r"'[vnc]*[0-9/]+'", "'?'", row[2]))] += 1
    wrong = {name: what for result, name, _, what in said if result == "wrong"}
    graphs = {name: draw(random_of(arguments, int(name.rsplit("_", 1)[1])), names, collections.Counter()) for name in wrong}
    nodes = judge.differing_nodes(graphs) if graphs else {}
    for result, name, _, what in said:
        folder = folder_of(root, name)
        verdict, why = judge.judge(graphs[name], name, folder, nodes[name]) if result == "wrong" else (result, what)
        summary.counts[verdict] += 1
        if verdict == "explained":
            summary.explained[why] += 1
        elif verdict != "rounding":
            kind = os.path.basename(os.path.dirname(folder))
            shutil.copytree(folder, os.path.join(arguments.work, "odd", kind, name), dirs_exist_ok=True)
            print(f"{verdict}: {name} ({' '.join(n.op_type for n in graphs[name].nodes) if name in graphs else '?'}): {what}\n    {why}\n"
                  f"    again: make fuzz-graphs FUZZ_SEED={arguments.seed} FUZZ_NUMBERS={name.rsplit('_', 1)[1]}", flush=True)
    return root, good


def drawn_operators(arguments):
    """{operator: its first opset}. What is drawn does not depend on the compiler, so that each seed keeps its graphs."""
    listing = subprocess.run([os.path.join(arguments.erc, "erc"), "ops", "--format", "csv"], capture_output=True, text=True, check=True).stdout
    listed = {row[0] for row in (line.split(",") for line in listing.splitlines()[1:]) if row[1] == "ai.onnx"}
    first = collections.defaultdict(lambda: 99)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            first[schema.name] = min(first[schema.name], schema.since_version)
    names = {n: first[n] for n in sorted(MAKERS) if not arguments.only or n in arguments.only.split(",")}
    print(f"seed {arguments.seed}; operators drawn: {len(names)}; not drawn: {' '.join(sorted(listed - set(MAKERS)))}")
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--erc", default="build/release")
    parser.add_argument("--work", default="build/fuzz-graphs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--numbers", type=lambda text: [int(n) for n in text.split(",")], help="these graphs of the seed only")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", nargs=2, metavar=("N", "FILE"), help="stores the first N small graphs that are equal")
    arguments = parser.parse_args()
    names = drawn_operators(arguments)
    judge, summary, kept = Judge(arguments.erc, arguments.work, arguments.jobs), Summary(), []
    numbers = arguments.numbers or list(range(arguments.first, arguments.first + arguments.count))
    for first in range(0, len(numbers), BATCH):
        root, good = run_batch(arguments, judge, names, numbers[first:first + BATCH], summary)
        for name in good if arguments.keep else []:
            folder = folder_of(root, name)
            if len(kept) == int(arguments.keep[0]) or folder_bytes(folder) > KEPT_BYTES:
                continue
            case = f"{os.path.basename(os.path.dirname(folder))}/{name}"
            store = os.path.join(arguments.work, "kept", case)
            shutil.copytree(folder, store, dirs_exist_ok=True)
            kept.append((store, case))
        print(summary.line(min(first + BATCH, len(numbers))), flush=True)
    if arguments.keep:
        keep(arguments.keep[1], kept)
    summary.print(names)
    return 1 if summary.counts["different"] + summary.counts["crash"] + summary.counts["hang"] else 0


if __name__ == "__main__":
    sys.exit(main())

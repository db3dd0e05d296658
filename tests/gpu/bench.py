"""`make bench-gpu`: figures of the CUDA device, in parts that can be run separately. Started by bench.sh with the
folder of the programs. Needs only Python's standard library. If PyTorch is installed, its figures are measured beside
ours (partners.py).

Environment:
    PARTS       of models gemm preempt tax loading phases workloads (default: all)
    GPU=stub    rehearsal on the stand-in for the driver, small, with kernels emulated on the CPU; QUICK=1: smaller still
    LIMIT_S     seconds for everything (default 570): steps that would begin later are left out and listed
    RESULTS     folder for gpu-bench.json (default: tests/bench/results; a rehearsal: DIR/bench-gpu/stub)
    MODELS      networks of the part `models`; COMPILE: those that are also measured with torch.compile
    ROUNDS, SLICE, EVENTS       see SIZES; COMPILE_S: maximum seconds of torch.compile for one network
    TARGET      instead of the GPU's own: cuda:compute_80
    PYTHON      the interpreter, also that of partners.py

The file is written after each part and each model. Parts of an earlier run with the same device and revision are
kept."""

import json
import os
import statistics
import sys

from bench_run import Bench, Failed, run

PARTS = ("models", "gemm", "preempt", "tax", "loading", "phases", "workloads")
OURS = ("real_time", "best_effort")
SAMPLES = 200  # maximum number of samples of each series that are written

# The clients of samples/workloads/disb_*.json are small networks for a few cores; a GPU runs the networks that DISB
# names.
DISB = {"squeezenet": "vgg19", "resnet50": "resnet152", "densenet121": "densenet201", "mobilenetv2": "inceptionv3", "minilm": "distilbert"}

SIZES = {
    "gpu": {
        "models": ["resnet50", "bert_base", "mobilenetv2", "gpt2", "vit_b16"], "compile": ["resnet50", "bert_base"], "compile_s": 150,
        "rounds": 4, "slice": 0.7, "gemms": [512, 1024, 2048, 4096, 8192],
        "be": ["resnet50-b32", "resnet50-b64", "gemm-s8192"], "events": 10000, "events_s": 25, "spin_us": 500,
        "tax": ["resnet50", "bert_base", "resnet50-b32"], "tax_rounds": 7, "batch_us": 2000,
        "rt": "resnet50", "other": "bert_base", "loading_slices": 10, "workload_rounds": 5, "workload_slice": 1.0, "disb": DISB,
        "policies": "elastic,priority,concurrent,fifo", "long": {}, "phase_turns": 4,
    },
    "stub": {
        "models": ["mobilenetv2-s32"], "compile": [], "compile_s": 60, "rounds": 2, "slice": 0.3, "gemms": [64, 128],
        "be": ["mobilenetv2-s32", "gemm-s128"], "events": 100, "events_s": 5, "spin_us": 500,
        "tax": ["mobilenetv2-s32"], "tax_rounds": 3, "batch_us": 1000,
        "rt": "digits", "other": "mobilenetv2-s32", "loading_slices": 2, "phase_turns": 2, "workload_rounds": 1, "workload_slice": 0.2,
        "disb": dict.fromkeys(DISB, "digits"), "policies": "elastic,priority,concurrent,fifo",
        "long": {"resnet50": "digits", "resnet50-b64": "digits", "gemm-s8192": "gemm-s128"},
    },
}
QUICK = {
    "models": ["digits"], "rounds": 1, "slice": 0.05, "gemms": [64], "be": ["gemm-s64"], "events": 20, "tax": ["digits"], "tax_rounds": 1,
    "batch_us": 200, "other": "digits", "loading_slices": 1, "phase_turns": 1, "workload_slice": 0.05, "policies": "elastic,priority",
    "long": {"resnet50": "digits", "resnet50-b64": "digits", "gemm-s8192": "gemm-s64"},
}


def thin(values):
    return [round(x, 2) for x in values[::max(1, -(-len(values) // SAMPLES))]]


def percentile(values, share):
    return sorted(values)[max(0, min(len(values) - 1, -(-int(len(values) * share * 1000) // 1000) - 1))]


def summary(values):
    return {"p50_us": round(percentile(values, 0.5), 2), "p90_us": round(percentile(values, 0.9), 2), "p99_us": round(percentile(values, 0.99), 2),
            "runs": len(values), "samples_us": thin(values)}


def text_of(us):
    return "-" if us is None else f"{us / 1e3:.3f} ms" if us >= 1000 else f"{us:.1f} us"


# ---- parts: each returns what goes into the file, and adds its rows to the table ----

def part_models(bench):
    """Latency of single requests, batch 1: our two forms and PyTorch's, alternating."""
    out = bench.record["parts"].setdefault("models", {})
    for name in bench.sizes["models"]:
        if bench.step(name, 45, lambda: compare(bench, name, out)) is not None:
            bench.write()


def open_partner(bench, name, forms):
    """Starts PyTorch. The forms that work go into `forms`; returns also the errors of the others."""
    network, *options = name.split("-")
    size = int(options[0][1:]) if options else 0
    wanted = ["eager"] + (["graph"] if bench.partner_device == "cuda" else []) + (["compile"] if network in bench.sizes["compile"] else [])
    partner, note = None, None if bench.has_torch else "PyTorch is not importable"
    while wanted and not (partner is None and note):
        how = wanted.pop(0)
        try:
            if partner is None:
                partner = bench.partner(network, size)
            partner.ask("prepare " + how, min(bench.sizes["compile_s"] if how == "compile" else 60, bench.left() - 30))
            forms.append(how)
        except Failed as error:
            note = f"{how}: {error}"
            bench.say(f"models: {name}: PyTorch, {note}")
            if partner and partner.is_over():  # it took too long and was killed: begins again without that form
                partner, wanted[:] = bench.partner(network, size), forms + wanted
                forms.clear()
    return partner, note


def compare(bench, name, out):
    bench.artifact(name)
    forms = []
    partner, note = open_partner(bench, name, forms)
    try:
        sides, medians, first_us = take_turns(bench, name, partner, forms)
    finally:
        if partner:
            partner.close()
    ratios = {form: {ours: round(statistics.median(a / b for a, b in zip(medians[ours], medians[form])), 4) for ours in OURS} for form in forms}
    out[name] = {side: summary(samples) for side, samples in sides.items()}
    out[name].update(first_result_us=round(statistics.median(first_us), 1), ratio_to=ratios, partner=partner.facts if partner else None,
                     partner_note=note)
    show_models(bench, name, out[name], forms)
    return out[name]


def take_turns(bench, name, partner, forms):
    """Samples of each side, the medians of its slices, and load to first result."""
    order = list(OURS) + forms
    sides, medians, first_us = {side: [] for side in order}, {side: [] for side in order}, []
    for turn in range(bench.sizes["rounds"]):
        first = turn % len(order)
        for side in order[first:] + order[:first]:
            if side in OURS:
                result = bench.erc_bench(name, side == "real_time", bench.sizes["slice"])
                first_us.append(result["first_result_us"])
            else:
                result = partner.ask(f"run {side} {bench.sizes['slice']}", 60)
            sides[side] += result["samples_us"]
            medians[side].append(statistics.median(result["samples_us"]))
    return sides, medians, first_us


def show_models(bench, name, figures, forms):
    for side, label in (("real_time", "real-time"), ("best_effort", "best-effort")):
        bench.row(f"{name} {label}", figures[side]["p50_us"], "p99", figures[side]["p99_us"])
    for form in forms:
        bench.row("  real-time against PyTorch", figures["real_time"]["p50_us"], form, figures[form]["p50_us"], figures["ratio_to"][form]["real_time"])


def part_gemm(bench):
    """One product of N x N matrices in the plain form, compared with torch.matmul, which is cuBLAS in fp32."""
    out = bench.record["parts"].setdefault("gemm", {})
    try:
        partner = bench.partner("none") if bench.has_torch else None
    except Failed as error:
        partner = None
        bench.say(f"gemm: PyTorch: {error}")
    for n in bench.sizes["gemms"]:
        if bench.step(f"{n}", 25, lambda: one_gemm(bench, n, partner, out)) is not None:
            bench.write()
    if partner:
        partner.close()


def one_gemm(bench, n, partner, out):
    artifact = bench.artifact(f"gemm-s{n}")
    ours, theirs, ratios = [], [], []
    for _ in range(bench.sizes["rounds"]):
        result = bench.forms(artifact, 3)
        ours.append(next(x["plain_us"] for x in result["launches"] if x["node"].endswith("product/MatMul")))
        if partner:
            theirs.append(statistics.median(partner.ask(f"gemm {n}", 60)["samples_us"]))
            ratios.append(ours[-1] / theirs[-1])
    figures = {"ours_us": ours, "torch_us": theirs, "tflops": round(2 * n ** 3 / statistics.median(ours) / 1e6, 3)}
    if ratios:
        figures.update(ratio=round(statistics.median(ratios), 4), torch_tflops=round(2 * n ** 3 / statistics.median(theirs) / 1e6, 3))
    out[str(n)] = figures
    bench.row(f"product {n}", statistics.median(ours), "cuBLAS" if ratios else "", statistics.median(theirs) if ratios else None, figures.get("ratio"))
    return figures


def probe(bench):
    """Makes the probe of tests/bench/probe.h: a tile for each unit, with nearly all of the shared memory that a block
    may have."""
    local = bench.local_bytes - 1024
    path = os.path.join(bench.work, "probe.erca")
    plain = bench.artifact(f"cumsum-s{32 * bench.units}", ["--kernel-dir", "tests/gpu/probe"])
    run([bench.program("probe_artifact"), plain, path, str(local), str(bench.sizes["spin_us"])], 30)
    return path


def part_preempt(bench):
    """Time from submit to the last granted unit, beside work that keeps all units busy."""
    out = bench.record["parts"].setdefault("preempt", {})
    rt = bench.step("the probe", 10, lambda: probe(bench))
    for be in bench.sizes["be"] if rt else []:
        for policy in ("elastic", "priority"):
            if bench.step(f"{policy} beside {be}", bench.sizes["events_s"] + 15, lambda: preempt(bench, rt, be, policy, out)) is not None:
                bench.write()


def preempt(bench, rt, be, policy, out):
    options = ["--device", "cuda", "--policy", policy, "--seconds", str(bench.sizes["events_s"])]
    result = bench.measured("bench_preempt", [bench.artifact(be), rt, str(bench.sizes["events"])], options, bench.sizes["events_s"] + 90)
    out.setdefault(be, {})[policy] = result
    times = {x["to"]: x for x in result["times"] if not x["in_stalls"]}
    last, end = times["last granted unit"], times["finished"]
    if not last["events"]:
        bench.row(f"{be} {policy}: never all units", None)
    else:
        bench.row(f"{be} {policy}: last unit", last["p50_us"], "p99", last["p99_us"])
    bench.row(f"  {last['events']} of {result['events']} events; ended", end["p50_us"], "p99", end["p99_us"])
    return result


def part_tax(bench):
    """The time of each launch in its elastic form, divided by that in its plain form."""
    out = bench.record["parts"].setdefault("tax", {})
    for name in bench.sizes["tax"]:
        if bench.step(name, 30, lambda: tax(bench, name, out)) is not None:
            bench.write()


def tax(bench, name, out):
    result = bench.forms(bench.artifact(name), bench.sizes["tax_rounds"])
    out[name] = result
    for kind, label in (("long", "launches >= 50 us"), ("short", "shorter")):
        part = result[kind]
        if part["launches"]:
            bench.row(f"{name} {part['launches']} {label}", part["elastic_us"], "plain", part["plain_us"], part["sum_ratio"])
    return result


def part_loading(bench):
    """Real-time latency while another model is loaded and unloaded."""
    rt, other, slices = bench.sizes["rt"], bench.sizes["other"], bench.sizes["loading_slices"]
    seconds = 2 * slices * bench.sizes["slice"]
    options = ["--device", "cuda", "--slice", str(bench.sizes["slice"])]
    result = bench.step(f"{rt} beside {other}", seconds + 20, lambda: bench.measured(
        "bench_loading", [bench.artifact(rt), bench.artifact(other), str(slices)], options, 4 * seconds + 60))
    if result:
        bench.record["parts"]["loading"] = {"rt": rt, "other": other, **result}
        for key in ("mean", "p99"):
            bench.row(f"{rt} {key} beside loads", result["loading"][key + "_us"], "alone", result["undisturbed"][key + "_us"], result[key + "_ratio"])


def part_phases(bench):
    """A real-time tenant beside best-effort ones, with and without the words that its launches write to the board: its
    latency, and their completed runs."""
    out = bench.record["parts"].setdefault("phases", {})
    needed = 2 * bench.sizes["workload_rounds"] * bench.sizes["workload_slice"] + 30
    for turn in range(bench.sizes["phase_turns"]):
        for how in ("with", "without") if turn % 2 == 0 else ("without", "with"):
            if bench.step(f"{how}, turn {turn + 1}", needed, lambda: phases(bench, how, needed, out)) is None:
                return
    for how, cells in out.items():
        figures = {key: statistics.median(cell[key] for cell in cells) for key in PHASE_FIGURES}
        bench.row(f"{how}: RT mean", figures["rt_mean_us"], "alone", figures["rt_solo_mean_us"], figures["rt_mean_ratio"])
        bench.row(f"  BE {figures['be_alone_ratio']:.3f} of alone; RT p99", figures["rt_p99_us"], "alone", figures["rt_solo_p99_us"],
                  figures["rt_p99_ratio"])


PHASE_FIGURES = ("rt_mean_us", "rt_solo_mean_us", "rt_mean_ratio", "rt_p99_us", "rt_solo_p99_us", "rt_p99_ratio", "be_alone_ratio")


def phases(bench, how, needed, out):
    """BE's share counts completed runs, because the host's unit time includes the time for which blocks had left."""
    path, models = workload_file(bench, "long", bench.sizes["long"])
    command = [bench.program("erc"), "bench", "--workload", path, "--device", "cuda", "--policy", "elastic", "--format", "json",
               "--rounds", str(bench.sizes["workload_rounds"]), "--slice", str(bench.sizes["workload_slice"])]
    for model in models:
        command += ["--model", f"{model}={bench.artifact(model)}"]
    command = ["env", "ERC_CUDA_PHASES=" + ("1" if how == "with" else "0")] + command
    cell = json.loads(run(command, 3 * needed + 60))["loads"][0]
    out.setdefault(how, []).append({key: cell[key] or 0 for key in PHASE_FIGURES})
    bench.write()
    return cell


def workload_file(bench, name, names):
    """Writes the workload with other models, and names its clients after them."""
    with open("tests/gpu/long.json" if name == "long" else f"samples/workloads/{name}.json", encoding="utf-8") as file:
        workload = json.load(file)
    for client in workload["clients"]:
        model = names.get(client["model"], client["model"])
        name_ = client["name"].replace(client["model"], model)
        if all(other["name"] != name_ for other in workload["clients"]):
            client["name"] = name_
        client["model"] = model
    path = os.path.join(bench.work, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(workload, file)
    return path, sorted({client["model"] for client in workload["clients"]})


def part_workloads(bench):
    """Tenants that share the device, under several policies."""
    out = bench.record["parts"].setdefault("workloads", {})
    count = len(bench.sizes["policies"].split(","))
    needed = bench.sizes["workload_rounds"] * bench.sizes["workload_slice"] * (2 * count + 1) + 30
    for name in ("disb_a", "disb_c", "long"):
        names = bench.sizes["long"] if name == "long" else bench.sizes["disb"]
        if bench.step(name, needed, lambda: workload(bench, name, names, needed, out)) is not None:
            bench.write()


def workload(bench, name, names, needed, out):
    path, models = workload_file(bench, name, names)
    command = [bench.program("erc"), "bench", "--workload", path, "--device", "cuda", "--policy", bench.sizes["policies"], "--format", "json",
               "--rounds", str(bench.sizes["workload_rounds"]), "--slice", str(bench.sizes["workload_slice"])]
    for model in models:
        command += ["--model", f"{model}={bench.artifact(model)}"]
    result = json.loads(run(command, 3 * needed + 60))
    out[name] = result
    for cell in result["loads"]:
        bench.row(f"{name} {cell['policy']} RT mean", cell["rt_mean_us"], "alone", cell["rt_solo_mean_us"], cell["rt_mean_ratio"])
        bench.row(f"  BE {cell['be_share_ratio'] or 0:.3f} of the room; RT p99", cell["rt_p99_us"], "alone", cell["rt_solo_p99_us"])
    return result


# ---- the run ----

def table(bench):
    print(f"\n{bench.record['device']}, driver {bench.record['driver']}, {bench.record['target']}, revision {bench.record['revision']}")
    print(f"{'part':9s} {'what':32s} {'figure':>10s} {'beside it':>18s}  ratio")
    for part, what, ours, partner, against, ratio in bench.rows:
        ours, against = text_of(ours), "" if against is None else text_of(against)
        print(f"{part:9s} {what[:32]:32s} {ours:>10s} {(partner + ' ' + against)[:18]:>18s}" + ("" if ratio is None else f" {ratio:6.3f}"))
    for title, lines in (("FAILED", bench.failed), ("left out", bench.left_out)):
        for line in lines:
            print(f"{title}: {line}"[:79])
    print(f"raw samples: {bench.path}")


def main():
    wanted = os.environ.get("PARTS", " ".join(PARTS)).split()
    if len(sys.argv) != 2 or not set(wanted) <= set(PARTS):
        sys.exit(f"usage: bench.py DIR, with PARTS out of: {' '.join(PARTS)}")
    is_stub = os.environ.get("GPU") == "stub"
    sizes = dict(SIZES["stub" if is_stub else "gpu"], **(QUICK if os.environ.get("QUICK") else {}))
    bench = Bench(sys.argv[1], is_stub, sizes)
    bench.look()
    bench.keep_earlier(wanted)
    bench.say(f"{bench.record['device']}: {' '.join(wanted)}; PyTorch is {'there' if bench.has_torch else 'not importable: no partners'}")
    for part in PARTS:
        if part not in wanted:
            continue
        bench.part = part
        try:
            globals()["part_" + part](bench)
        except Failed as error:
            bench.failed.append(f"{part}: {error}")
        bench.write()
    table(bench)
    return bool(bench.failed)


if __name__ == "__main__":
    sys.exit(main())

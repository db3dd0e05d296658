"""Compares `erc bench` with ONNX Runtime: alternating slices of about a second, medians and
their ratio. Started by tools/dev/bench_ort.sh in an environment that has onnxruntime.

Both sides run one request at a time, on inputs of the same shapes, with the same number of threads.
Each slice of erc is a process of its own and each slice of ONNX Runtime uses one session made at
the start; both warm up before a slice is measured."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time

import numpy as np
import onnxruntime


def session_of(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, time.perf_counter() - start


def inputs_of(session):
    """Floats are normal; integers are ones, which are valid as masks and as tokens."""
    rng = np.random.default_rng(1)
    feeds = {}
    for item in session.get_inputs():
        shape = [d if isinstance(d, int) else 1 for d in item.shape]
        feeds[item.name] = np.ones(shape, np.int64) if "int64" in item.type else rng.standard_normal(shape).astype(np.float32)
    return feeds


def ort_slice(session, feeds, seconds):
    for _ in range(3):
        session.run(None, feeds)
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, feeds)
        samples.append((time.perf_counter() - start) * 1e6)
    return samples


def erc_slice(arguments, seconds):
    command = [arguments.erc, "bench", arguments.artifact, "--workers", str(arguments.threads),
               "--seconds", str(seconds), "--format", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    for name in ("erc", "model", "artifact", "json"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--summary", help="file that a line with the medians and the ratio is added to")
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()

    session, created_s = session_of(arguments.model, arguments.threads)
    feeds = inputs_of(session)
    rows, samples, first_us = [], {"erc": [], "ort": []}, []
    for number in range(arguments.slices):
        result = erc_slice(arguments, arguments.seconds)
        ort = ort_slice(session, feeds, arguments.seconds)
        samples["erc"] += result["samples_us"]
        samples["ort"] += ort
        first_us.append(result["first_result_us"])
        rows.append((statistics.median(result["samples_us"]), statistics.median(ort)))
        print(f"  slice {number + 1:2d}: erc {rows[-1][0] / 1e3:8.2f} ms, ONNX Runtime {rows[-1][1] / 1e3:8.2f} ms", flush=True)

    medians = {name: statistics.median(values) for name, values in samples.items()}
    ratio = statistics.median(erc / ort for erc, ort in rows)
    name = os.path.splitext(os.path.basename(arguments.model))[0]
    print(f"{name}, {arguments.threads} thread(s), fp32, batch 1, {processor()}")
    print(f"  erc            median {medians['erc'] / 1e3:8.2f} ms   load to first result {statistics.median(first_us) / 1e3:.1f} ms")
    print(f"  ONNX Runtime   median {medians['ort'] / 1e3:8.2f} ms   session creation     {created_s * 1e3:.1f} ms  ({onnxruntime.__version__})")
    print(f"  ratio of slices, erc / ONNX Runtime: median {ratio:.3f}, {min(e / o for e, o in rows):.3f} to {max(e / o for e, o in rows):.3f}")
    if arguments.summary:
        with open(arguments.summary, "a", encoding="utf-8") as file:
            file.write(f"{name:18s} erc {medians['erc'] / 1e3:9.2f} ms   ONNX Runtime {medians['ort'] / 1e3:9.2f} ms   ratio {ratio:.3f}\n")
    with open(arguments.json, "w", encoding="utf-8") as file:
        json.dump({"schema": "erc.compare/1", "model": name, "threads": arguments.threads, "processor": processor(),
                   "partner": "ONNX Runtime " + onnxruntime.__version__, "median_us": medians, "ratio": ratio,
                   "slice_medians_us": rows, "first_result_us": first_us, "partner_create_us": created_s * 1e6,
                   "samples_us": samples}, file)
        file.write("\n")


if __name__ == "__main__":
    main()

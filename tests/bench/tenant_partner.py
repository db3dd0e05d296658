"""One or two tenants in one process of another runtime: the counterpart of bench_tenant.c, which describes the lines on
standard input and output. Usage: tenant_partner.py ENGINE THREADS RT.onnx|- BE.onnx|- [plain|nice|idle]

ENGINE: onnxruntime, openvino, or openvino-priorities (its AUTO plugin on the CPU, RT of high and BE of low model priority: the CPU
plugin itself has no priorities). The last argument applies to the whole process: nice is nice 19, idle is
SCHED_IDLE."""
import os
import signal
import sys
import threading
import time

import numpy as np

WARM_RUNS = 5


def random_feeds(shapes):
    rng = np.random.default_rng(1)
    return [rng.random([d if isinstance(d, int) else 1 for d in shape], dtype=np.float32) for shape in shapes]


def onnxruntime_run(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    feeds = dict(zip(names, random_feeds([i.shape for i in session.get_inputs()])))
    return "ONNX Runtime " + onnxruntime.__version__, lambda: session.run(None, feeds)


def openvino_run(path, threads, priority=None):
    import openvino
    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    model = core.read_model(path)
    if priority:
        core.set_property("CPU", options)
        compiled = core.compile_model(model, "AUTO", {"MULTI_DEVICE_PRIORITIES": "CPU", "MODEL_PRIORITY": priority})
    else:
        compiled = core.compile_model(model, "CPU", options)
    request = compiled.create_infer_request()
    for port, data in zip(compiled.inputs, random_feeds([list(p.shape) for p in compiled.inputs])):
        request.set_tensor(port, openvino.Tensor(data))
    return "OpenVINO " + openvino.__version__.split("-")[0], request.infer


def open_tenant(engine, path, threads, priority):
    name, run = {"onnxruntime": lambda: onnxruntime_run(path, threads), "openvino": lambda: openvino_run(path, threads),
                 "openvino-priorities": lambda: openvino_run(path, threads, priority)}[engine]()
    for _ in range(WARM_RUNS):
        run()
    return name, run


def sleep_until(ns):
    left = ns - time.monotonic_ns()
    if left > 0:
        time.sleep(left / 1e9)


def run_be(run, start_ns, end_ns, result):
    sleep_until(start_ns)
    began_ns = time.monotonic_ns()
    while began_ns < end_ns:
        run()
        ended_ns = time.monotonic_ns()
        result[0] += 1 if ended_ns <= end_ns else (end_ns - began_ns) / (ended_ns - began_ns)
        began_ns = ended_ns


def run_rt(run, arrivals):
    latencies = []
    for arrival in arrivals:
        sleep_until(arrival)
        run()
        latencies.append(time.monotonic_ns() - arrival)
    return latencies


def main():
    engine, threads, rt_path, be_path = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    way = sys.argv[5] if len(sys.argv) > 5 else "plain"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program at the other end of the input ends this one
    if way == "nice":
        os.nice(19)
    elif way == "idle":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    name = rt = be = None
    if rt_path != "-":
        name, rt = open_tenant(engine, rt_path, threads, "HIGH")
    if be_path != "-":
        name, be = open_tenant(engine, be_path, threads, "LOW")
    print("ready", name, flush=True)
    for line in sys.stdin:
        start_ns, end_ns, is_be, count, *arrivals = map(int, line.split())
        be_runs = [0.0]
        thread = threading.Thread(target=run_be, args=(be, start_ns, end_ns, be_runs)) if is_be else None
        if thread:
            thread.start()
        latencies = run_rt(rt, arrivals[:count])
        if thread:
            thread.join()
        print(f"{be_runs[0]:.4f}", *latencies, flush=True)


if __name__ == "__main__":
    main()

"""A client of the benchmark, in a process of its own: bench_client.py rt|be|be-copies PORT MODEL RATE. It reads "go SECONDS" lines and
answers each with a line of JSON.

rt: sends requests at RATE a second with random gaps; a latency counts from the time at which the request should have been
sent. be: sends a request when the last one has been answered, with its inputs in shared memory; be-copies: with its inputs
in the request."""

import json
import os
import random
import sys
import threading
import time

import numpy
import support
import tritonclient.grpc as grpc
import tritonclient.utils.shared_memory as shared


def open_loop(client, model, inputs, rate, seconds, seed):
    gaps, results, lock = random.Random(seed), [], threading.Condition()
    failed = []

    def sender(at):
        def end(result, error):
            now = time.perf_counter()
            with lock:
                if error:
                    failed.append(str(error))
                else:
                    device = result.get_response().parameters
                    results.append((now - at, device["erc_device_us"].int64_param if "erc_device_us" in device else 0))
                lock.notify()

        return end

    begin = at = time.perf_counter()
    sent = 0
    while True:
        at += gaps.uniform(0.5, 1.5) / rate
        if at - begin > seconds:
            break
        time.sleep(max(0, at - time.perf_counter()))
        client.async_infer(model, inputs, sender(at))
        sent += 1
    with lock:
        lock.wait_for(lambda: len(results) + len(failed) == sent, 60)
    return {
        "sent": sent,
        "failed": len(failed),
        "error": failed[0] if failed else None,
        "latency_ms": [1e3 * latency for latency, _ in results],
        "device_ms": [device / 1e3 for _, device in results],
    }


def closed_loop(client, model, inputs, seconds):
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        client.infer(model, inputs)
        count += 1
    return {"count": count, "seconds": time.perf_counter() - begin}


def in_shared_memory(client, inputs):
    made, handles = [], []
    for name, value in inputs.items():
        region = f"{os.getpid()}-{name}"
        handle = shared.create_shared_memory_region(region, f"/erc-{region}", value.nbytes)
        handles.append(handle)
        shared.set_shared_memory_region(handle, [value])
        client.register_system_shared_memory(region, f"/erc-{region}", value.nbytes)
        made.append(grpc.InferInput(name, list(value.shape), support.triton_type(value)))
        made[-1].set_shared_memory(region, value.nbytes)
    return made, handles


def main():
    kind, port, model, rate = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
    client = grpc.InferenceServerClient(f"127.0.0.1:{port}")
    inputs = {}
    for given in client.get_model_metadata(model).inputs:
        inputs[given.name] = numpy.random.default_rng(1).standard_normal(list(given.shape), "float32")
    made, handles = in_shared_memory(client, inputs) if kind == "be" else (support.inputs_of(grpc, inputs), [])
    client.infer(model, made)
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        seconds = float(line.split()[1])
        if kind == "rt":
            result = open_loop(client, model, made, rate, seconds, number)
        else:
            result = closed_loop(client, model, made, seconds)
        print(json.dumps(result), flush=True)
    for handle in handles:
        shared.destroy_shared_memory_region(handle)


if __name__ == "__main__":
    main()

"""What a call of the Python package costs over the C call: python_calls.py [rounds].

It alternates, in one run, blocks of the bare C call (erc_request_run on bound memory, by ctypes), of Request.run (bound
once), and of Session.run (an input bound and an output made for each call), on the digits model, real-time. On the
device "null" a run takes no time, so what is left is the package's own. On "cpu" a unit that waited longer for the next
call may have to be woken. Prints quartiles of a block's mean, in microseconds."""

import os
import statistics
import sys
import time

import erc
import numpy
from erc import _library

CALLS = 200  # in a block


def measure(calls):
    """Mean time of one call in a block of them, in microseconds."""
    began = time.perf_counter_ns()
    for _ in range(CALLS):
        calls()
    return (time.perf_counter_ns() - began) / CALLS / 1000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    model = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "samples", "digits", "digits.onnx")
    artifact = erc.compile(model, dims={"batch": 1})
    x = numpy.zeros((1, 1, 8, 8), "float32")
    for device in ("null", "cpu"):
        print(device)
        compare(artifact, {"image": x}, device, rounds)


def compare(artifact, feeds, device, rounds):
    with erc.Runtime(device) as runtime, erc.Session(artifact, real_time=True, runtime=runtime) as session:
        request, bare = (session.request().bind(feeds, {"logits": numpy.zeros((1, 10), "float32")}) for _ in range(2))
        run, address = _library.lib.erc_request_run, bare._address
        run.argtypes = (_library.c_void_p,)
        forms = {
            "C call": lambda: run(address),
            "Request.run": request.run,
            "Session.run": lambda: session.run(feeds),
        }
        times = {name: [] for name in forms}
        for _ in range(rounds):
            for name, call in forms.items():
                times[name].append(measure(call))
        base = times["C call"]
        print(f"  {'':12} {'p25':>7} {'p50':>7} {'p75':>7} {'over the C call, p50 of the rounds':>36}")
        for name, values in times.items():
            quartiles = statistics.quantiles(values, n=4)
            over = statistics.median(value - c for value, c in zip(values, base))
            print(f"  {name:12} {quartiles[0]:7.2f} {quartiles[1]:7.2f} {quartiles[2]:7.2f} {over:36.2f}")


if __name__ == "__main__":
    main()

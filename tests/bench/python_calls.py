"""What a call of the Python package costs over the C call: python_calls.py [rounds].

It alternates, in one run, blocks of the bare C call (erc_request_run on bound memory, by ctypes), of Request.run (bound
once), of Session.run (an input bound and an output made for each call), and of Session.run_async awaited one after the
other, on the digits model, real-time. On the device "null" a run takes no time, so what is left is the package's own. On
"cpu" a unit that waited longer for the next call may have to be woken. Prints quartiles of a block's mean, in
microseconds, and the median of what a block took more than the C calls beside it."""

import asyncio
import os
import statistics
import sys
import time

import erc
import numpy
from erc import _library

CALLS = 200  # in a block


def in_turn(call):
    for _ in range(CALLS):
        call()


def measure(block):
    """Mean time of one call in a block of them, in microseconds."""
    began = time.perf_counter_ns()
    block()
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

        async def awaited():
            for _ in range(CALLS):
                await session.run_async(feeds)

        loop = asyncio.new_event_loop()
        forms = {
            "C call": lambda: in_turn(lambda: run(address)),
            "Request.run": lambda: in_turn(request.run),
            "Session.run": lambda: in_turn(lambda: session.run(feeds)),
            "run_async": lambda: loop.run_until_complete(awaited()),
        }
        times = {name: [] for name in forms}
        for _ in range(rounds):
            for name, block in forms.items():
                times[name].append(measure(block))
        loop.close()
        base = times["C call"]
        print(f"  {'':12} {'p25':>7} {'p50':>7} {'p75':>7} {'over the C call':>16} {'ratio':>6}")
        for name, values in times.items():
            quartiles = statistics.quantiles(values, n=4)
            over = statistics.median(value - c for value, c in zip(values, base))
            ratio = statistics.median(value / c for value, c in zip(values, base))
            print(f"  {name:12} {quartiles[0]:7.2f} {quartiles[1]:7.2f} {quartiles[2]:7.2f} {over:16.2f} {ratio:6.2f}")


if __name__ == "__main__":
    main()

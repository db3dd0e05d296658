#!/usr/bin/env python3
"""Comparison with other runtimes: mobilenetv2 as real-time beside resnet50 as best-effort work, in erc, ONNX Runtime
and OpenVINO, each on all cores. Usage: tenants.py BUILD; started by tests/bench/tenants.sh in an environment that has
the other runtimes.

A round has these slices for each system: RT alone, RT beside BE, BE alone, with the same Poisson arrivals. Each is
compared with its own RT and BE alone in the same round; figures are medians of the rounds, p99 is of all arrivals of all rounds.
In slices of RT alone a process of the idle class spins on each core: a sleeping core wakes late, above all on a virtual
machine. BE keeps cores awake, so without this RT alone would be slower than RT beside BE. Tenants sleep between
arrivals and while they wait. Two processes share the cores as the operating system schedules them; BE has ordinary
priority, nice 19 or SCHED_IDLE. Environment:
    ROUNDS     default 7; fewer if they would take more than 480 s
    SLICE      seconds of a slice, default 2.4
    LOAD       default 0.3: RT's rate times the time of a run alone in the slowest system
    SYSTEMS    default: all; "erc onnxruntime-idle" selects two
    RESULTS    default: tests/bench/results
"""
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

import tenants_report

LEAD_NS = 100_000_000     # from the command to the start of the slice
WARM_NS = 150_000_000     # from BE's start to the first arrival
PATIENCE_S = 60           # maximum time to wait for an answer after the slice
CALIBRATION_RUNS = 60
MOST_SECONDS = 480        # no further round begins if it would end after this time
PROBE_S, LATE_NS = 0.001, 200_000

# name, engine, priority of BE's process; None: both tenants in one process
SYSTEMS = [("erc", "erc", None)] + \
    [(f"{engine}-{way}", engine, way) for engine in ("onnxruntime", "openvino") for way in ("plain", "nice", "idle")] + \
    [("openvino-priorities", "openvino-priorities", None)]


class Worker:
    """A process with one or two tenants; it ends when its input ends."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = None

    def await_ready(self):
        words = self.read(PATIENCE_S).split(None, 1)
        if not words or words[0] != "ready":
            raise RuntimeError(f"{' '.join(self.command)}: did not start")
        self.name = words[1].strip()

    def read(self, seconds):
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise RuntimeError(f"{' '.join(self.command)}: ended, or gave no answer within {seconds:.0f} s")
        return line

    def order(self, start_ns, end_ns, is_be, arrivals):
        self.process.stdin.write(" ".join(map(str, (start_ns, end_ns, int(is_be), len(arrivals), *arrivals))) + "\n")
        self.process.stdin.flush()

    def answer(self, seconds):
        be_runs, *latencies = self.read(seconds + PATIENCE_S).split()
        return float(be_runs), [int(text) for text in latencies]

    def end(self):
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class Awake:
    """Processes that spin in the idle class, one for each core; they run only between `go` and `stop`."""

    def __init__(self, cores):
        self.processes = []
        for _ in range(cores):
            self.processes.append(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            os.sched_setscheduler(self.processes[-1].pid, os.SCHED_IDLE, os.sched_param(0))
        self.stop()

    def signal(self, number):
        for process in self.processes:
            process.send_signal(number)

    def go(self):
        self.signal(signal.SIGCONT)

    def stop(self):
        self.signal(signal.SIGSTOP)

    def end(self):
        self.signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()


class Probe(threading.Thread):
    """Sleeps a millisecond at a time and records how often and how much the machine wakes it late, for each kind of
    slice."""

    def __init__(self):
        super().__init__(daemon=True)
        self.phase, self.is_over = None, False
        self.stalls = {}

    def run(self):
        while not self.is_over:
            phase, before = self.phase, time.monotonic_ns()
            time.sleep(PROBE_S)
            late = time.monotonic_ns() - before - int(PROBE_S * 1e9)
            if not phase or phase != self.phase:
                continue
            stalls = self.stalls.setdefault(phase, {"looks": 0, "count": 0, "sum_ms": 0.0, "most_ms": 0.0})
            stalls["looks"] += 1
            if late > LATE_NS:
                stalls["count"] += 1
                stalls["sum_ms"] += late / 1e6
                stalls["most_ms"] = max(stalls["most_ms"], late / 1e6)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(values):
    return {"mean": statistics.fmean(values) / 1e6, "p50": statistics.median(values) / 1e6, "p90": percentile(values, 0.9) / 1e6,
            "p99": percentile(values, 0.99) / 1e6}


class Bench:
    def __init__(self, build):
        self.build = build
        self.rounds, self.slice_s = int(os.environ.get("ROUNDS") or 7), float(os.environ.get("SLICE") or 2.4)
        self.load = float(os.environ.get("LOAD") or 0.3)
        names = (os.environ.get("SYSTEMS") or "").replace(",", " ").split()
        unknown = set(names) - {s[0] for s in SYSTEMS}
        if unknown:
            sys.exit(f"error: no system {' '.join(sorted(unknown))}; there are {' '.join(s[0] for s in SYSTEMS)}")
        if self.rounds < 1 or self.slice_s < 0.5 or not 0 < self.load < 1:
            sys.exit("error: ROUNDS is at least 1, SLICE at least 0.5, LOAD between 0 and 1")
        self.systems = [s for s in SYSTEMS if not names or s[0] in names]
        self.engines = list(dict.fromkeys(s[1] for s in self.systems))
        self.cores = len(os.sched_getaffinity(0))
        self.workers = {}
        self.awake = Awake(self.cores)
        self.probe = Probe()
        self.rate = 0.0

    # ---- processes

    def path(self, model, kind):
        return os.path.join(self.build, "bench", f"{model}.{kind}")

    def start(self, key, command):
        self.workers[key] = Worker(command)
        self.workers[key].await_ready()  # one after the other, because starting takes processor time

    def start_all(self):
        partner = [sys.executable, os.path.join(os.path.dirname(__file__), "tenant_partner.py")]
        rt, be = self.path("mobilenetv2", "onnx"), self.path("resnet50", "onnx")
        for _, engine, way in self.systems:
            command = partner + [engine, str(self.cores)]
            if engine == "erc":
                command = [os.path.join(self.build, "bench_tenant"), self.path("mobilenetv2", "erca"), self.path("resnet50", "erca")]
                self.start((engine, "rt"), command)
            elif way is None:
                self.start((engine, "rt"), command + [rt, be])
            else:
                if (engine, "rt") not in self.workers:
                    self.start((engine, "rt"), command + [rt, "-"])
                self.start((engine, way), command + ["-", be, way])

    def end_all(self):
        self.probe.is_over = True
        self.awake.end()
        for worker in self.workers.values():
            worker.end()

    # ---- slices

    def run(self, phase, rt, be, offsets):
        """Runs one slice; rt and be are workers or None, and may be the same. Returns BE's runs, and each arrival's
        latency and service time."""
        start = time.monotonic_ns() + LEAD_NS
        end = start + int(self.slice_s * 1e9)
        arrivals = [start + offset for offset in offsets] if rt else []
        self.probe.phase = phase
        if be and be is not rt:
            be.order(start, end, True, [])
        if rt:
            rt.order(start, end, be is rt, arrivals)
        be_runs, latencies = (rt or be).answer(self.slice_s)
        if rt and be and be is not rt:
            be_runs, _ = be.answer(self.slice_s)
        self.probe.phase = None
        services, last = [], 0
        for arrival, latency in zip(arrivals, latencies):
            services.append(arrival + latency - max(arrival, last))
            last = arrival + latency
        return be_runs, latencies, services

    def calibrate(self):
        """The rate of arrivals, from the time of a run alone in the slowest engine: the 10th percentile, so without
        stalls."""
        slowest = 0
        self.awake.go()
        for engine in self.engines:
            _, _, services = self.run(None, self.workers[engine, "rt"], None, [0] * CALIBRATION_RUNS)
            slowest = max(slowest, percentile(services, 0.1))
        self.awake.stop()
        self.rate = self.load * 1e9 / slowest

    def arrivals(self, number):
        source, at, offsets = random.Random(number), WARM_NS, []
        while True:
            at += int(source.expovariate(self.rate) * 1e9)
            if at >= self.slice_s * 1e9:
                return offsets
            offsets.append(at)

    def of_engine(self, engine, offsets, rows):
        """One after the other: RT alone, RT beside BE, and BE alone, of each system."""
        rt, systems = self.workers[engine, "rt"], [s for s in self.systems if s[1] == engine]
        self.awake.go()
        _, alone, services = self.run("RT alone", rt, None, offsets)
        self.awake.stop()
        shared = {name: self.run("RT beside BE", rt, self.workers[engine, way] if way else rt, offsets) for name, _, way in systems}
        be_alone, _, _ = self.run("BE alone", None, self.workers[engine, systems[0][2]] if systems[0][2] else rt, [])
        available = 1 - sum(services) / (self.slice_s * 1e9)
        for name, (be_runs, latencies, _) in shared.items():
            rows[name].append({"rt_alone_ns": alone, "rt_ns": latencies, "be_alone_per_s": be_alone / self.slice_s,
                               "be_per_s": be_runs / self.slice_s, "available": available})

    def measure(self):
        rows = {name: [] for name, _, _ in self.systems}
        start = time.monotonic()
        self.probe.start()
        for number in range(self.rounds):
            began = time.monotonic()
            turn = number % len(self.engines)
            for engine in self.engines[turn:] + self.engines[:turn]:
                self.of_engine(engine, self.arrivals(number), rows)
            print(f"round {number + 1} of {self.rounds}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if (time.monotonic() - start) * (number + 2) / (number + 1) > MOST_SECONDS:
                self.rounds = number + 1
                break
        return rows


def share_of_available(rounds):
    """None if RT alone used the device nearly all of the time."""
    shares = [r["be_per_s"] / r["be_alone_per_s"] / r["available"] for r in rounds if r["available"] > 0.1]
    return statistics.median(shares) if shares else None


def summary(name, engine, rounds):
    """One system's figures: ratios are medians of the ratios of each round; percentiles in ms are of all arrivals."""
    alone, beside = (sum((r[key] for r in rounds), []) for key in ("rt_alone_ns", "rt_ns"))

    def ratio(of):
        return statistics.median(of(r["rt_ns"]) / of(r["rt_alone_ns"]) for r in rounds)

    mean_ratios = [statistics.fmean(r["rt_ns"]) / statistics.fmean(r["rt_alone_ns"]) for r in rounds]
    return {
        "system": name, "version": engine, "arrivals": len(beside),
        "rt_alone_ms": milliseconds(alone), "rt_ms": milliseconds(beside),
        "mean_ratio": statistics.median(mean_ratios), "mean_ratios": [min(mean_ratios), max(mean_ratios)],
        "p50_ratio": ratio(statistics.median), "p90_ratio": ratio(lambda v: percentile(v, 0.9)), "p99_ratio": percentile(beside, 0.99) / percentile(alone, 0.99),
        "be_alone_per_s": statistics.median(r["be_alone_per_s"] for r in rounds),
        "be_per_s": statistics.median(r["be_per_s"] for r in rounds),
        "be_ratio": statistics.median(r["be_per_s"] / r["be_alone_per_s"] for r in rounds),
        "be_share": share_of_available(rounds),
        "available": statistics.median(r["available"] for r in rounds),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(sys.argv[1])
    try:
        bench.start_all()
        bench.calibrate()
        rows = bench.measure()
        versions = {engine: bench.workers[engine, "rt"].name for engine in bench.engines}
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, OSError) as error:
        sys.exit(f"error: {error}")
    finally:
        bench.end_all()
    result = {"schema": "erc.bench-tenants/1", "processor": tenants_report.processor(), "cores": bench.cores, "kernel": platform.release(),
              "rt": "mobilenetv2", "be": "resnet50", "load": bench.load, "rate_per_s": bench.rate, "rounds": bench.rounds,
              "slice_s": bench.slice_s, "stalls": bench.probe.stalls,
              "systems": [summary(name, versions[engine], rows[name]) for name, engine, _ in bench.systems]}
    tenants_report.write(result, os.environ.get("RESULTS") or "tests/bench/results")


if __name__ == "__main__":
    main()

"""make bench-serve: real-time and best-effort clients of one server: bench.py BUILD [--results FOLDER] [--rounds N]
[--seconds S] [--systems elastic,concurrent,...]. Every figure is a ratio to the same client alone, in the same round.

Systems: Triton with the backend "erc" under each policy; "python-ort": the same server with its Python backend, whose models
run ONNX Runtime, because no package for Debian holds Triton's own ONNX Runtime backend; "kserve": KServe's Python server
with samples/serve/kserve_server.py, which takes no inputs in shared memory."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import support
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

RT, BE = ("mobilenetv2", 224), ("resnet50", 224)
BE_CLIENTS = 2

ORT_MODEL = '''import os, sys
sys.path += {path}
import onnxruntime
import triton_python_backend_utils as triton

class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input, self.output = self.session.get_inputs()[0].name, self.session.get_outputs()[0].name

    def execute(self, requests):
        answers = []
        for request in requests:
            x = triton.get_input_tensor_by_name(request, self.input).as_numpy()
            y = self.session.run(None, {{self.input: x}})[0]
            answers.append(triton.InferenceResponse(output_tensors=[triton.Tensor(self.output, y)]))
        return answers
'''


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


class KserveServer:
    """KServe's server with artifacts, which say their class."""

    def __init__(self, artifacts):
        self.http, self.grpc = support.free_port(), support.free_port()
        arguments = [sys.executable, support.root("samples/serve/kserve_server.py")]
        arguments += [f"{name}={path}" for name, path in artifacts.items()]
        arguments += ["--http_port", str(self.http), "--grpc_port", str(self.grpc)]
        with open(os.path.join(support.folder, "kserve.log"), "w") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        support.wait_for(self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, "KServe's server has ended; see kserve.log"
        try:
            return grpc.InferenceServerClient(f"127.0.0.1:{self.grpc}").is_server_ready()
        except InferenceServerException:
            return False

    def metric(self, *_, **labels):
        return None

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Client:
    def __init__(self, kind, server, model, rate=0.0, niceness=0):
        arguments = [sys.executable, os.path.join(os.path.dirname(__file__), "bench_client.py")]
        arguments += [kind, str(server.grpc), model, str(rate)]
        if niceness:
            arguments = ["nice", "-n", str(niceness), *arguments]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self, seconds):
        self.process.stdin.write(f"go {seconds}\n")
        self.process.stdin.flush()

    def result(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Storm:
    """Loads and unloads a model, 200 times a minute."""

    def __init__(self, server, seconds):
        self.server, self.seconds, self.cycles = server, seconds, 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client = self.server.grpc_client()
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            client.load_model("comes")
            client.unload_model("comes")
            self.cycles += 1
            time.sleep(max(0, 0.3 - (time.monotonic() - begin)))
        client.close()

    def join(self):
        self.thread.join()
        return self.cycles


def link_python_backend():
    """The package's Python backend, with the program that runs models under this Python, beside ours."""
    import pytriton

    place = os.path.join(os.path.dirname(pytriton.__file__), "tritonserver")
    folder = os.path.join(support.build, "triton", "python")
    os.makedirs(folder, exist_ok=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for source in (os.path.join(place, "backends", "python"), os.path.join(place, "python_backend_stubs", version)):
        for name in os.listdir(source):
            if not os.path.exists(os.path.join(folder, name)):
                os.symlink(os.path.join(source, name), os.path.join(folder, name))


def start_erc(policy, repository):
    add = support.add_model
    add(repository, "rt", support.network(*RT), {"class": "rt", "deadline_us": "100000"})
    add(repository, "be", support.network(*BE))
    add(repository, "comes", support.network(*BE))
    return support.Server(repository, config={"policy": policy})


def start_python_ort(_, repository):
    link_python_backend()
    add_ort_model(repository, "rt", RT)
    add_ort_model(repository, "be", BE)
    return support.Server(repository)


def start_kserve(*_):
    rt = support.network(*RT, "--class", "rt", "--deadline-us", "100000")
    return KserveServer({"rt": rt, "be": support.network(*BE)})


SYSTEMS = {"elastic": start_erc, "concurrent": start_erc, "fifo": start_erc,
           "python-ort": start_python_ort, "kserve": start_kserve}


class System:
    """A server with its clients."""

    def __init__(self, name, rate):
        self.server = SYSTEMS[name](name, os.path.join(support.folder, f"bench-{name}"))
        self.rt = Client("rt", self.server, "rt", rate)
        be = "be-copies" if name == "kserve" else "be"
        self.be = [Client(be, self.server, "be", niceness=19) for _ in range(BE_CLIENTS)]

    def unit_seconds(self, model):
        return self.server.metric("erc_unit_seconds_total", model=model) or 0

    def phase(self, seconds, rt=True, be=True, storm=False):
        """Runs the clients; returns what they saw."""
        clients = ([self.rt] if rt else []) + (self.be if be else [])
        before, begin = self.unit_seconds("rt"), time.monotonic()
        storm = Storm(self.server, seconds) if storm else None
        for client in clients:
            client.go(seconds)
        results = [client.result() for client in clients]
        found = {}
        if storm:
            found["cycles"] = storm.join()
        time.sleep(0.5)
        found["rt_unit_seconds"], found["elapsed"] = self.unit_seconds("rt") - before, time.monotonic() - begin - 0.5
        if rt:
            result = results.pop(0)
            assert not result["failed"], result["error"]
            found.update({f"rt_{key}": result[key] for key in ("sent", "latency_ms", "device_ms")})
        if be:
            found["be_per_s"] = sum(result["count"] / result["seconds"] for result in results)
        return found

    def close(self):
        for client in [self.rt, *self.be]:
            client.close()
        self.server.stop()


def add_ort_model(repository, model, network):
    folder = os.path.join(repository, model, "1")
    os.makedirs(folder, exist_ok=True)
    source = support.network_file(*network)
    os.link(source, os.path.join(folder, "model.onnx"))
    with open(os.path.join(folder, "model.py"), "w") as file:
        file.write(ORT_MODEL.format(path=sys.path))
    import onnx

    graph = onnx.load(source).graph
    names = {kind: list_[0].name for kind, list_ in (("input", graph.input), ("output", graph.output))}
    with open(os.path.join(repository, model, "config.pbtxt"), "w") as file:
        size = network[1]
        file.write(f'backend: "python"\nmax_batch_size: 0\n'
                   f'input [ {{ name: "{names["input"]}" data_type: TYPE_FP32 dims: [ 1, 3, {size}, {size} ] }} ]\n'
                   f'output [ {{ name: "{names["output"]}" data_type: TYPE_FP32 dims: [ 1, 1000 ] }} ]\n')


def measure(name, rounds, seconds, rate):
    system, found = System(name, rate), []
    for number in range(rounds):
        row = {"alone": system.phase(seconds, be=False), "both": system.phase(seconds)}
        if name == "elastic":
            row["be_alone"] = system.phase(seconds, rt=False)
            row["storm"] = system.phase(seconds, be=False, storm=True)
        elif number == 0:
            row["be_alone"] = system.phase(seconds, rt=False)
        found.append(row)
        print(f"  {name}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    system.close()
    return found


def summarise(rounds, units):
    """Medians over the rounds."""

    def tail(row, phase, what="rt_latency_ms", share=0.99):
        return percentile(row[phase][what], share)

    def ratio(phase, what="rt_latency_ms", share=0.99):
        rows = [row for row in rounds if phase in row and tail(row, "alone", what) > 0]
        ratios = [tail(row, phase, what, share) / tail(row, "alone", what, share) for row in rows]
        return statistics.median(ratios) if ratios else None

    be_alone = [row["be_alone"]["be_per_s"] for row in rounds if "be_alone" in row]
    share = [row["both"]["be_per_s"] / statistics.median(be_alone) for row in rounds]
    room = [1 - row["both"]["rt_unit_seconds"] / (units * row["both"]["elapsed"]) for row in rounds]
    in_time = [sum(ms <= 100 for ms in row["both"]["rt_latency_ms"]) / row["both"]["rt_sent"] for row in rounds]
    return {
        "rt_alone_p50_ms": statistics.median(tail(row, "alone", share=0.5) for row in rounds),
        "rt_alone_p99_ms": statistics.median(tail(row, "alone") for row in rounds),
        "rt_p50_ratio": ratio("both", share=0.5),
        "rt_p99_ratio": ratio("both"),
        "rt_p99_ratios": [tail(row, "both") / tail(row, "alone") for row in rounds],
        "device_p99_ratio": ratio("both", "rt_device_ms"),
        "device_p50_ratio": ratio("both", "rt_device_ms", 0.5),
        "storm_p99_ratio": ratio("storm"),
        "storm_cycles_per_minute": statistics.median(
            [row["storm"]["cycles"] / row["storm"]["elapsed"] * 60 for row in rounds if "storm" in row] or [0]
        ),
        "in_time": statistics.median(in_time),
        "be_to_alone": statistics.median(share),
        "be_to_room": statistics.median(s / r for s, r in zip(share, room)) if max(room) < 1 else None,
    }


def paced_us(pause, runs=1000):
    """The median of a run alone, with a pause before each, by a program of its own."""
    done = subprocess.run([os.path.join(support.build, "bench_paced"), support.digits(), f"{1e6 * pause:.0f}", str(runs)],
                          capture_output=True, text=True, check=True)
    return float(done.stdout)


def overhead(rounds=9, calls=1000):
    """What the server adds to a small model: beside a backend in C that only copies as many bytes."""
    repository = os.path.join(support.folder, "overhead")
    support.add_model(repository, "digits", support.digits(), {"class": "rt"})
    os.makedirs(os.path.join(repository, "identity", "1"))
    with open(os.path.join(repository, "identity", "config.pbtxt"), "w") as file:
        file.write('backend: "identity"\ninput [ { name: "x" data_type: TYPE_FP32 dims: [ 1, 1, 8, 8 ] } ]\n'
                   'output [ { name: "y" data_type: TYPE_FP32 dims: [ 1, 1, 8, 8 ] } ]\n')
    import numpy

    x = numpy.zeros([1, 1, 8, 8], "float32")
    found = []
    with support.Server(repository) as server:
        client = server.grpc_client()
        made = {"digits": support.inputs_of(grpc, {"image": x}), "identity": support.inputs_of(grpc, {"x": x})}
        for number in range(rounds):
            row = {}
            for model in ("digits", "identity") if number % 2 else ("identity", "digits"):
                times = []
                for _ in range(calls):
                    begin = time.perf_counter()
                    client.infer(model, made[model])
                    times.append(1e6 * (time.perf_counter() - begin))
                row[model] = statistics.median(times)
            text = support.command("bench", support.digits(), "--real-time", "--seconds", "0.3", "--format", "json", "-q")
            row["alone"] = json.loads(text)["latency"]["p50_us"]
            row["paced"] = paced_us(1e-6 * (row["identity"]))
            row["added"] = row["digits"] - row["paced"] - row["identity"]
            found.append(row)
        client.close()
        server.stop()
    return {key: statistics.median(row[key] for row in found) for key in found[0]}


def table(summaries):
    lines = ["| system | RT alone p50, p99 ms | RT p50 | RT p99 (range) | on the device p99 | in time | BE | BE of its room |",
             "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for name, s in summaries.items():
        low, high = min(s["rt_p99_ratios"]), max(s["rt_p99_ratios"])
        device = f"{s['device_p99_ratio']:.2f}" if s["device_p99_ratio"] else "-"
        room = f"{s['be_to_room']:.2f}" if s["be_to_room"] else "-"
        lines.append(f"| {name} | {s['rt_alone_p50_ms']:.1f}, {s['rt_alone_p99_ms']:.1f} | {s['rt_p50_ratio']:.2f} "
                     f"| {s['rt_p99_ratio']:.2f} ({low:.2f} to {high:.2f}) | {device} | {s['in_time']:.3f} "
                     f"| {s['be_to_alone']:.2f} | {room} |")
    return "\n".join(lines)


def report(given, added, summaries):
    """The table, and what it means."""
    lines = [f"`{' '.join(['make bench-serve', *(['SERVE=' + repr(' '.join(sys.argv[4:]))] if sys.argv[4:] else [])])}`, "
             f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores: RT {RT[0]} at {given.rate:g} requests a second, random gaps; "
             f"{BE_CLIENTS} BE clients of {BE[0]} in closed loops (nice 19, inputs in shared memory); medians of "
             f"{given.rounds} rounds (3 for all but elastic), phases of {given.seconds:g} s. KServe's server takes no inputs in "
             "shared memory.", "", table(summaries), "",
             f"A small model (digits): Triton with erc takes {added['digits']:.0f} us a request over gRPC, a backend that copies "
             f"{added['identity']:.0f} us, liberc alone {added['alone']:.0f} us ({added['paced']:.0f} us with pauses as long as the "
             f"server's): {added['digits'] - added['paced'] - added['identity']:+.0f} us."]
    if "elastic" in summaries:
        storm = summaries["elastic"]
        lines.append(f"Loading and unloading, {storm['storm_cycles_per_minute']:.0f} cycles a minute: RT p99 "
                     f"{storm['storm_p99_ratio']:.2f} of alone.")
    return "\n".join(lines) + "\n"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--rate", type=float, default=20, help="RT requests a second")
    options.add_argument("--systems", default=",".join(SYSTEMS))
    options.add_argument("--results", help="a folder for serve.md and serve.json")
    given = options.parse_args()
    support.set_up(given.build)
    units = len(os.sched_getaffinity(0))
    added = overhead()
    all_rounds, summaries = {}, {}
    for name in given.systems.split(","):
        rounds = given.rounds if name == "elastic" else min(given.rounds, 3)
        all_rounds[name] = measure(name, rounds, given.seconds, given.rate)
        summaries[name] = summarise(all_rounds[name], units)
    text = report(given, added, summaries)
    print(text)
    if given.results:
        with open(os.path.join(given.results, "serve.md"), "w") as file:
            file.write(text)
        with open(os.path.join(given.results, "serve.json"), "w") as file:
            json.dump({"overhead_us": added, "summaries": summaries}, file, indent=1)


if __name__ == "__main__":
    main()

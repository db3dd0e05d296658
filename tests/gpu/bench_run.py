"""The parts of bench.py: commands with time limits, PyTorch's side as a process, the machine, models and artifacts, the
file of results."""

import ctypes
import datetime
import glob
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import time


class Failed(Exception):
    """A step failed; the other steps are still run."""


END_GRACE_S = 15
end = None  # when the whole run must end, by the monotonic clock


def dies_with_us():
    """Called in a child, which then ends with the bench: if the bench is killed, nothing stays on the GPU."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run(command, timeout):
    """Returns its stdout. When the time is over, the whole process group is killed, because compilers have children."""
    timeout = max(END_GRACE_S, min(timeout, end + END_GRACE_S - time.monotonic()))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                               preexec_fn=dies_with_us)
    try:
        out, error = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failed(f"{os.path.basename(command[0])} took more than {timeout:.0f} s")
    if process.returncode:
        raise Failed(f"{' '.join(os.path.basename(x) for x in command[:3])}: exit {process.returncode}: {(error or out).strip()[-400:]}")
    return out


class Partner:
    """A running partners.py, which describes the commands."""

    def __init__(self, network, device, size, timeout, log):
        self.errors = open(log, "w", encoding="utf-8")
        command = [sys.executable, "-u", "tests/gpu/partners.py", network, "--device", device, "--size", str(size)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, start_new_session=True,
                                        preexec_fn=dies_with_us)
        self.facts = self.read(timeout)

    def read(self, timeout):
        """Reads a line. The server writes one at a time, so nothing follows it."""
        end = time.monotonic() + max(1, timeout)
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                self.close()
                raise Failed(f"PyTorch took more than {timeout:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                self.close()
                raise Failed("PyTorch's side ended: " + open(self.errors.name, encoding="utf-8").read().strip()[-300:])
            line += part
        return json.loads(line)

    def ask(self, text, timeout):
        self.process.stdin.write((text + "\n").encode())
        self.process.stdin.flush()
        reply = self.read(timeout)
        if "failed" in reply:
            raise Failed(reply["failed"])
        return reply

    def is_over(self):
        return self.process.poll() is not None

    def close(self):
        if not self.is_over():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.errors.close()


class Bench:
    def __init__(self, folder, is_stub, sizes):
        self.dir = folder
        self.is_stub = is_stub
        self.sizes = sizes
        for name, kind in (("ROUNDS", int), ("SLICE", float), ("EVENTS", int), ("COMPILE_S", float)):
            if os.environ.get(name):
                self.sizes[name.lower()] = kind(os.environ[name])
        for name in ("MODELS", "COMPILE"):
            if name in os.environ:
                self.sizes[name.lower()] = os.environ[name].split()
        global end
        end = time.monotonic() + float(os.environ.get("LIMIT_S", "570"))
        self.rows, self.part = [], None
        self.failed, self.left_out = [], []
        self.earlier = {"failures": [], "left_out": []}

    def program(self, name):
        return os.path.join(self.dir, name)

    def left(self):
        return end - time.monotonic()

    def say(self, text):
        print(f"[{self.left():4.0f} s left] {text}", flush=True)

    def row(self, what, ours, partner="", against=None, ratio=None):
        self.rows.append((self.part, what, ours, partner, against, ratio))

    def step(self, what, needed_s, work):
        """Runs a step if there is time. A failure is recorded, and the other steps are still run. Returns None if the
        step was not run or failed."""
        if self.left() < needed_s:
            self.left_out.append(f"{self.part}: {what}")
            self.say(f"{self.part}: {what}: left out, it takes about {needed_s:.0f} s")
            return None
        self.say(f"{self.part}: {what}")
        try:
            return work()
        except Failed as error:
            self.failed.append(f"{self.part}: {what}: {error}")
            self.say(f"FAILED: {error}")
            return None

    def write(self):
        self.record["failures"] = self.earlier["failures"] + self.failed
        self.record["left_out"] = self.earlier["left_out"] + self.left_out
        self.record["dates"][self.part] = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.record, file, indent=1)
            file.write("\n")
        os.replace(self.path + ".new", self.path)

    # -- the machine --

    def look(self):
        revision = "unknown"
        if os.path.exists("revision"):
            with open("revision", encoding="utf-8") as file:
                revision = file.read().strip()
        else:
            try:
                revision = run(["git", "describe", "--always", "--dirty"], 10).strip()
            except (Failed, OSError):
                pass
        self.record = {"schema": "erc.bench-gpu/1", "revision": revision}
        if self.is_stub:
            os.environ["ERC_LIBCUDA"] = os.path.abspath(self.program("stub/libcuda.so.1"))
        else:
            self.find_nvrtc()
        try:
            facts = dict(line.split(" ", 1) for line in run([self.program("gpu_device")], 60).splitlines())
        except Failed as error:
            print(f"bench.py: {error}; GPU=stub rehearses without one", file=sys.stderr)
            sys.exit(6)
        self.units, self.local_bytes = int(facts["units"]), int(facts["shared"])
        self.partner_device = "cpu" if self.is_stub else "cuda"
        self.record.update(device="stand-in (no GPU)" if self.is_stub else facts["name"], driver=facts["driver"], units=self.units,
                           target=os.environ.get("TARGET") or facts["target"])
        self.work = os.path.join(self.dir, "bench-gpu", "stub" if self.is_stub else self.record["target"].replace(":", "-"))
        results = os.environ.get("RESULTS") or (self.work if self.is_stub else "tests/bench/results")
        self.path = os.path.join(results, "gpu-bench.json")
        os.makedirs(self.work, exist_ok=True)
        os.makedirs(results, exist_ok=True)
        self.record.update(host_cores=os.cpu_count(), dates={}, parts={}, failures=[], left_out=[])
        self.has_torch = importlib.util.find_spec("torch") is not None

    def keep_earlier(self, wanted):
        """Parts that are not run now are kept if they are of the same device and revision."""
        try:
            with open(self.path, encoding="utf-8") as file:
                earlier = json.load(file)
        except (OSError, ValueError):
            return
        if all(earlier.get(k) == self.record[k] for k in ("device", "driver", "revision")):
            for key in ("parts", "dates"):
                self.record[key] = {part: value for part, value in earlier[key].items() if part not in wanted}
            for key in ("failures", "left_out"):
                self.record[key] = [line for line in earlier[key] if line.split(":")[0] not in wanted]
            self.earlier = {key: list(self.record[key]) for key in ("failures", "left_out")}

    def find_nvrtc(self):
        """Uses NVRTC of PyTorch's packages if the loader does not find the toolkit's."""
        if not os.environ.get("ERC_NVRTC") and not glob.glob("/usr/local/cuda*/lib*/libnvrtc.so.1[23]"):
            found = [x for path in sys.path for x in glob.glob(path + "/nvidia/*/lib/libnvrtc.so.1[23]")]
            if found:
                os.environ["ERC_NVRTC"] = found[0]

    # -- models: digits, or NETWORK, NETWORK-b32 (batch), NETWORK-s64 (size) --

    def make(self, name):
        if name == "digits":
            return "samples/digits/digits.onnx"
        network, *options = name.split("-")
        path = os.path.join(self.work, name + ".onnx")
        command = [self.program("make_model"), network, path]
        for option in options:
            command += [{"b": "--batch", "s": "--size"}[option[0]], option[1:]]
        run(command, 120)
        return path

    def artifact(self, name, extra=()):
        """It is kept from run to run unless erc is newer. In a rehearsal it is made for the stand-in."""
        path = os.path.join(self.work, name + ".erca")
        if os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(self.program("erc")):
            return path
        self.say(f"{self.part}: compiling {name}")
        onnx, built = self.make(name), path + ".built"
        target = "emulated:sm_90" if self.is_stub else self.record["target"]
        dims = ["--dim", "batch=1"] if name == "digits" else []
        run([self.program("erc"), "compile", onnx, "-o", built, "--target", target, "--budget", "full", "--quiet", *dims, *extra],
            300)
        if self.is_stub:
            run([self.program("stub_artifact"), built, built], 60)
        os.replace(built, path)
        if onnx.startswith(self.work):
            os.remove(onnx)  # it is large, and can be made again quickly
        return path

    def erc_bench(self, name, real_time, seconds):
        command = [self.program("erc"), "bench", self.artifact(name), "--device", "cuda", "--seconds", str(seconds), "--warmup", "30",
                   "--format", "json"]
        return json.loads(run(command + (["--real-time"] if real_time else []), 60 + 10 * seconds))

    def partner(self, network, size=0):
        return Partner(network, self.partner_device, size, 120, os.path.join(self.work, "partners.log"))

    def measured(self, program, arguments, options, timeout):
        """Runs a program of tests/bench and returns the JSON that it writes."""
        path = os.path.join(self.work, program + ".json")
        run([self.program(program), *arguments, path, *options], timeout)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def forms(self, artifact, rounds):
        return self.measured("bench_forms", [artifact, str(rounds)], ["--batch-us", str(self.sizes["batch_us"])], 150)

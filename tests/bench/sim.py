#!/usr/bin/env python3
"""Compares policies on virtual devices: DISB's workloads with the networks that DISB names, at several RT loads. Usage:
sim.py BUILD

Writes tests/bench/results/sim-DEVICE-WORKLOAD.md and .svg, and sim.json with all cells. If only some cells are
selected, the other files, and the other cells of sim.json, stay as they are. A run that was interrupted is continued:
cells of the same command and programs are kept in BUILD/bench/sim. Environment:
    DEVICES    default: sim:h100 sim:a100
    WORKLOADS  default: C D E REAL
    LOADS      busy share of the device of RT alone; default: 0.1,0.3 ... 1.5
    POLICIES   default: all of `erc version`
    ROUNDS     default 5: each round has other arrivals, and other phases of periodic clients
    SLICE      virtual seconds of a slice, default 0.5; each round has one slice
    JOBS       processes at a time, default 2
    CONTENTION 1: with `erc bench --contention`
    RESULTS    default: tests/bench/results
    ERC_TESTDATA  a folder with workloads/disb, default ../shared
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import sim_report

DEVICES = ("sim:h100", "sim:a100")
WORKLOADS = ("C", "D", "E", "REAL")
NETWORKS = {"vgg19-imagenet": "vgg19", "resnet152-imagenet": "resnet152", "densenet201-imagenet": "densenet201",
            "inceptionv3-imagenet": "inceptionv3", "distilbert": "distilbert"}
KEPT = ("policy", "load", "rate_scale", "in_time", "rt_solo_in_time", "in_time_per_second", "rt_mean_ratio", "rt_p90_ratio", "rt_p99_ratio",
        "rt_p99_us", "rt_arrivals", "rt_units", "be_alone_ratio", "be_share_ratio", "available")


def words(name, default):
    text = os.environ.get(name, "")
    return text.replace(",", " ").split() or list(default)


def stop(text):
    sys.exit(f"error: {text}")


class Sweep:
    def __init__(self, build):
        self.erc, self.make_model = os.path.join(build, "erc"), os.path.join(build, "make_model")
        self.work = os.path.join(build, "bench", "sim")
        self.results = os.environ.get("RESULTS", "tests/bench/results")
        self.source = os.path.join(os.environ.get("ERC_TESTDATA", "../shared"), "workloads", "disb")
        self.devices, self.workloads = words("DEVICES", DEVICES), words("WORKLOADS", WORKLOADS)
        self.loads = [self.load(text) for text in words("LOADS", [f"{i / 10:g}" for i in range(1, 16, 2)])]
        self.policies = words("POLICIES", self.all_policies())
        self.rounds, self.slice = os.environ.get("ROUNDS", "5"), os.environ.get("SLICE", "0.5")
        self.contention = ["--contention"] if os.environ.get("CONTENTION") else []
        os.makedirs(self.work, exist_ok=True)
        os.makedirs(self.results, exist_ok=True)

    @staticmethod
    def load(text):
        try:
            load = float(text)
        except ValueError:
            load = 0
        return load if 0 < load <= 5 else stop(f"LOADS: '{text}' is no load from 0 to 5")

    def all_policies(self):
        out = subprocess.run([self.erc, "version", "--format", "json"], capture_output=True, text=True, check=True).stdout
        return [policy["name"] for policy in json.loads(out)["policies"]]

    # ---- runs ----

    def find_workloads(self):
        """Returns those that exist; prints and counts the others."""
        there = [name for name in self.workloads if os.path.exists(self.workload(name))]
        for name in self.workloads:
            if name not in there:
                print(f"skipped: {name}: no {self.workload(name)} (ERC_TESTDATA)", flush=True)
        self.skipped = len(self.workloads) - len(there)
        return there

    def workload(self, name):
        return os.path.join(self.source, f"{name}.json")

    def networks(self, names):
        found = set()
        for name in names:
            with open(self.workload(name), encoding="utf-8") as file:
                found |= {task["client"]["model_name"] for task in json.load(file)["tasks"]}
        unknown = found - set(NETWORKS)
        if unknown:
            stop(f"the model maker makes no {', '.join(sorted(unknown))}")
        return sorted(found)

    def artifact(self, name):
        return os.path.join(self.work, f"{NETWORKS[name]}.erca")

    def make_artifact(self, name):
        """One artifact for all devices, so that its weights are stored once."""
        path, model = self.artifact(name), self.artifact(name)[:-5] + ".onnx"
        wanted = ",".join(dict.fromkeys([*DEVICES, *self.devices])) # the file holds all of these in any case
        note = path + ".targets"
        if os.path.exists(path) and os.path.exists(note) and self.is_newer(path, self.erc):
            with open(note, encoding="utf-8") as file:
                if file.read() == wanted:
                    return
        print(f"compiling {NETWORKS[name]} for {wanted}", flush=True)
        subprocess.run([self.make_model, NETWORKS[name], model], check=True)
        subprocess.run([self.erc, "compile", model, "-o", path, "--target", wanted, "--quiet"], check=True)
        os.remove(model)
        with open(note, "w", encoding="utf-8") as file:
            file.write(wanted)

    @staticmethod
    def is_newer(a, b):
        return os.path.getmtime(a) > os.path.getmtime(b)

    def command(self, device, workload, load):
        models = [word for name in self.networks([workload]) for word in ("--model", f"{name}={self.artifact(name)}")]
        return [self.erc, "bench", "--workload", self.workload(workload), "--device", device, "--policy", ",".join(self.policies),
                "--load", f"{load:g}", "--rounds", self.rounds, "--slice", self.slice, "--quiet", "--format", "json", *self.contention, *models]

    def cell(self, device, workload, load, networks):
        """The rows of one load, and the seconds that they took; 0 if they were kept from an earlier run."""
        command = self.command(device, workload, load)
        path = os.path.join(self.work, f"{device.replace(':', '-')}-{workload}-{load:g}.json")
        inputs = [self.erc, self.workload(workload), *(self.artifact(name) for name in networks)]
        if os.path.exists(path) and all(self.is_newer(path, other) for other in inputs):
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            if kept["command"] == command:
                return kept["report"], 0
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        report = json.loads(done.stdout)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"command": command, "report": report}, file)
        os.replace(path + ".new", path)
        return report, time.monotonic() - start

    def run(self):
        start = time.monotonic()
        there = self.find_workloads()
        networks = self.networks(there)
        for name in networks:
            self.make_artifact(name)
        tasks = [(device, workload, load) for device in self.devices for workload in there for load in self.loads]
        reports, spent = {}, 0
        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
            waiting = {pool.submit(self.cell, *task, self.networks([task[1]])): task for task in tasks}
            try:
                for done in concurrent.futures.as_completed(waiting):
                    task = waiting[done]
                    reports[task], seconds = done.result()
                    spent += seconds
                    print(f"[{len(reports)}/{len(tasks)}] {task[0]} {task[1]} load {task[2]:g}: "
                          + (f"{seconds:.1f} s" if seconds else "was there"), flush=True)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        self.write(there, reports)
        print(f"{len(tasks)} loads in {time.monotonic() - start:.0f} s ({spent:.0f} s of processes), {self.skipped} workloads skipped")

    # ---- results ----

    def write(self, there, reports):
        path = os.path.join(self.results, "sim.json")
        record = {"schema": "erc.bench-sim/1", "sweeps": []}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                record = json.load(file)
        for device in self.devices:
            for workload in there:
                cells = [{key: row[key] for key in KEPT} for load in self.loads for row in reports[device, workload, load]["loads"]]
                sweep = {"device": device, "workload": workload, "rounds": int(self.rounds), "slice_seconds": float(self.slice), "contention": bool(self.contention),
                         "units": reports[device, workload, self.loads[0]]["units"], "cells": cells}
                record["sweeps"] = [s for s in record["sweeps"] if (s["device"], s["workload"]) != (device, workload)] + [sweep]
                sim_report.write(self.results, sweep)
        record["sweeps"].sort(key=lambda sweep: (sweep["device"], sweep["workload"]))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        stop("usage: sim.py BUILD")
    try:
        Sweep(sys.argv[1]).run()
    except RuntimeError as wrong:
        stop(wrong)

#!/usr/bin/env python3
"""The tables of `make bench-scale`. Usage: scale_report.py SCALE.json SCHED.json OUT.md OUT.json: reads what bench_scale and
bench_sched wrote, writes both as one JSON and as text of 80 columns."""
import json
import os
import platform
import statistics
import sys

CLASSES = ("be", "rt", "shed")
LEAST_RATIO, MOST_SUBMIT_US, MOST_LAUNCH_NS = 0.8, 3.0, 200.0
MOST_STALLED = 5  # percent
MOST_MISSES = 20  # that are listed


def short(number):
    return f"{number // 1000}k" if number >= 1000 else str(number)


def microseconds(value):
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def kind(cell):
    return cell["device"], cell["units"], cell["policy"], cell["class"]


def add_ratios(cells):
    """The ratio to the cell with 10 requests in one session; for the largest numbers, to the cell with 10 queued of as
    many requests. None if there is no such cell."""
    base = {kind(c): c["runs_per_s"] for c in cells if c["requests"] == c["queued"] == 10 and c["sessions"] == 1}
    few = {kind(c) + (c["sessions"], c["requests"]): c["runs_per_s"] for c in cells if c["queued"] < c["requests"]}
    for cell in cells:
        of = base.get(kind(cell))
        cell["to_10"] = round(cell["runs_per_s"] / of, 3) if of else None
        of = few.get(kind(cell) + (cell["sessions"], cell["requests"]))
        cell["to_few"] = round(cell["runs_per_s"] / of, 3) if of else None


def is_slower(cell):
    """The ratio to 10 queued requests, in the same memory if that was measured."""
    ratio = cell["to_few"] or cell["to_10"]
    return ratio is not None and cell["requests"] > 10 and ratio < LEAST_RATIO


def is_missed(cell):
    return is_slower(cell) or cell["submit_p50_us"] > MOST_SUBMIT_US


def place(cell):
    return (f"{cell['device']}, {cell['units']} unit(s), {cell['policy']}, {cell['class']}: "
            f"{cell['requests']} in {cell['sessions']}")


def targets(cells):
    cells = [c for c in cells if c["queued"] == c["requests"]]
    missed = [c for c in cells if is_missed(c)]
    lines = [f"Goals: at least {LEAST_RATIO} of the runs per second with 10 requests queued (in the",
             "same memory, if both were measured: `10*`), and submits of at most",
             f"{MOST_SUBMIT_US:g} us (median). {len(cells) - len(missed)} of {len(cells)} cells meet both.", ""]
    for device in dict.fromkeys((c["device"], c["units"]) for c in cells):
        own = [c for c in cells if (c["device"], c["units"]) == device]
        lines.append(f"  {device[0]}, {device[1]} unit(s), {len(own)} cells: {sum(map(is_slower, own))} miss the first")
        for name, of in (("to_few", "10 of the same requests queued"), ("to_10", "10 requests in one session")):
            ratios = [c[name] for c in own if c[name] is not None and c["requests"] > 10]
            if ratios:
                lines.append(f"    to {of}: median {statistics.median(ratios):.2f}, minimum {min(ratios):.2f}")
        submits = [c["submit_p50_us"] for c in own]
        lines.append(f"    {sum(s > MOST_SUBMIT_US for s in submits)} miss the second (submit: median {statistics.median(submits):.2f} us, "
                     f"maximum {max(submits):.2f} us)")
    if missed:
        lines += ["", "Cells that miss a goal:"]
        lines += [f"  {place(c)}\n    {c['runs_per_s']} runs/s" +
                  "".join(f", {c[name]:.2f} {of}" for name, of in (("to_10", "of 10"), ("to_few", "of 10*")) if c[name] is not None) +
                  f", submit {c['submit_p50_us']:.2f} us, p99 {c['submit_p99_us']:.1f} us" for c in missed[:MOST_MISSES]]
        if len(missed) > MOST_MISSES:
            lines.append(f"  ... and {len(missed) - MOST_MISSES} more")
    return lines


def table(cells, device, policy):
    own = [c for c in cells if (c["device"], c["units"]) == device and c["policy"] == policy]
    lines = [f"{device[0]}, {device[1]} unit(s), {policy}", "",
             "        " + "".join(f"  {name:-<21s}" for name in ("best effort ", "real time ", "real time, shed ")),
             " in  qud" + "    k/s  /10   p50   p99" * 3]
    for key in dict.fromkeys((c["sessions"], c["requests"], c["queued"]) for c in own):
        line = f"{short(key[0]):>3s} {short(key[2]) + ('*' if key[2] < key[1] else ''):>4s}"
        for class_ in CLASSES:
            cell = next((c for c in own if (c["sessions"], c["requests"], c["queued"]) == key and c["class"] == class_), None)
            if not cell:
                line += f"{'-':>7s}{'':16s}"
                continue
            ratio = f"{cell['to_10']:5.2f}" if cell["to_10"] is not None else "    -"
            line += f"{cell['runs_per_s'] / 1e3:7.1f}{ratio}{cell['submit_p50_us']:6.2f}{microseconds(cell['submit_p99_us']):>6s}"
        lines.append(line.rstrip())
    return lines


def launch_table(rows):
    lines = ["Nanoseconds for each launch of an RT run, which sets all limits again",
             "(erc__sched_launch, elastic); `has`: runs that have units of their own;",
             "`asks`: a device that asks before each tile of BE; 4 BE runs are queued.",
             f"Goal: at most {MOST_LAUNCH_NS:g}. {sum(r['ns'] <= MOST_LAUNCH_NS for r in rows)} of {len(rows)} meet it.", "",
             "                  one level       a level each   one level, asks  each, asks",
             "units RT runs    has     ns        has     ns       has     ns    has     ns"]
    for units, runs in dict.fromkeys((r["units"], r["rt_runs"]) for r in rows):
        line = f"{units:5d} {runs:7d}"
        for asks, levels, gap in ((False, False, 7), (False, True, 11), (True, False, 10), (True, True, 7)):
            row = next(r for r in rows if (r["units"], r["rt_runs"], r["asks"], r["levels"]) == (units, runs, asks, levels))
            line += f"{row['with_units']:{gap}d}{row['ns']:7.0f}"
        lines.append(line)
    return lines


def report(result):
    cells, stalls = result["cells"], result["stalls"]
    late = 100 * stalls["sum_ms"] / 1e3 / stalls["watched_s"] if stalls["watched_s"] else 0
    lines = ["# The queue at scale", "", f"`make bench-scale` on {result['processor']}, {result['cores']} cores.", "", "```"]
    lines += [f"The digits model. `qud`: number of requests in the queue; `in`: number of",
              f"sessions; `k/s`: thousands of runs per second; `/10`: ratio to 10 requests in",
              f"one session; `p50`, `p99`: microseconds of erc_request_submit, elapsed, on",
              f"the one thread that submits. Medians of {result['rounds']} rounds of {result['seconds']:g} s each. A virtual",
              f"device (sim) computes nothing: the time is that of scheduler and device.",
              "`10*`: 10 of the requests are queued at a time, and all take turns: the same",
              "memory, with a short queue.",
              "The machine's stalls (a thread on each core that woke more than 0.2 ms late):",
              f"{stalls['count']}, at most {stalls['most_ms']:.1f} ms, together {late:.2f} % of the time.", ""]
    if late > MOST_STALLED:
        lines += [f"That is more than {MOST_STALLED} %: the machine was busy with other work.", ""]
    lines += targets(cells)
    sizes = [c for c in cells if c["requests"] >= 1000 and c["sessions"] >= 100]
    if sizes:
        session, request = (sorted(c[name] for c in sizes)[len(sizes) // 2] for name in ("session_bytes", "request_bytes"))
        lines += ["", f"Memory, by mallinfo2 before and after: {session:.0f} bytes per idle session,",
                  f"{request:.0f} per request with its activations (digits: 12 KiB)."]
    lines += [""] + launch_table(result["launches"])
    for device in dict.fromkeys((c["device"], c["units"]) for c in cells):
        for policy in dict.fromkeys(c["policy"] for c in cells):
            lines += ["", ""] + table(cells, device, policy)
    return "\n".join(lines + ["```", ""])


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        result["launches"] = json.load(file)["rows"]
    result |= {"processor": processor(), "cores": os.cpu_count()}
    add_ratios(result["cells"])
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write(report(result))
    cells = ",\n".join("  " + json.dumps(c) for c in result.pop("cells"))
    launches = ",\n".join("  " + json.dumps(r) for r in result.pop("launches"))
    with open(sys.argv[4], "w", encoding="utf-8") as file:
        file.write(json.dumps(result)[:-1] + f',\n "launches": [\n{launches}\n ],\n "cells": [\n{cells}\n ]}}\n')


if __name__ == "__main__":
    main()

"""The table of tenants.py: text of 80 columns, and JSON."""
import json
import os

from scale_report import processor

MOST_STALLED = 5  # percent, in slices of RT alone


def number(value, width):
    """Rounds to as many decimals as leave a space before the number."""
    for digits in (2, 1, 0):
        text = f"{value:.{digits}f}"
        if len(text) < width:
            break
    return f"{text:>{width}s}"


def row(system):
    alone, beside = system["rt_alone_ms"], system["rt_ms"]
    return (f"{system['system']:<20s}" + number(alone["mean"], 6) + number(alone["p99"], 6) + number(beside["mean"], 7) +
            number(beside["p99"], 7) + f"{system['mean_ratio']:7.3f}" + number(system["p90_ratio"], 6) +
            number(system["p99_ratio"], 6) + f"{system['be_ratio']:7.3f}" + ("      -" if system["be_share"] is None else f"{system['be_share']:7.3f}"))


def stalled_percent(stalls):
    return 100 * stalls["sum_ms"] / (stalls["looks"] + stalls["sum_ms"])


def stall_line(phase, stalls):
    return (f"  {phase:<13s}{stalls['count']:6d} late of {stalls['looks']} looks, at most {stalls['most_ms']:.1f} ms, "
            f"{stalled_percent(stalls):.2f} % of the time")


def report(result):
    systems = result["systems"]
    lines = ["# Comparison with other runtimes", "",
             f"`make bench-tenants` on {result['processor']}, {result['cores']} cores, Linux {result['kernel'].split('-')[0]}.", "", "```",
             f"RT: {result['rt']}, Poisson, {result['rate_per_s']:.1f}/s ({result['load']:g} of the slowest system's rate alone).",
             f"BE: {result['be']}, closed loop. fp32, batch 1, {result['cores']} threads for each model in each system;",
             f"tenants sleep while they wait. {result['rounds']} rounds of alternating slices of {result['slice_s']:g} s.",
             "Beside RT alone a process of the idle class spins on each core. Without it cores",
             "would sleep and wake late; beside BE they do not sleep.", "",
             "Ratios are to the same system's RT and BE alone in the same round (medians of",
             "the rounds; p99: of all arrivals). `avail`: BE beside RT over BE alone, divided",
             "by the share of the time in which RT alone leaves the device free.", "",
             "                       RT alone    beside BE     ratio to alone     BE ratio",
             "                      mean   p99   mean    p99   mean   p90   p99  alone  avail",
             "                        ms    ms     ms     ms"]
    lines += [row(system) for system in systems]
    lines += ["", "                      RT     RT p50 ms    ratio   mean ratio     BE runs per s",
              "                arrivals  alone beside   of p50  of rounds        alone  beside"]
    lines += [f"{s['system']:<20s}{s['arrivals']:4d}" + number(s["rt_alone_ms"]["p50"], 7) + number(s["rt_ms"]["p50"], 7) +
              f"{s['p50_ratio']:9.3f}  {s['mean_ratios'][0]:.2f} to {s['mean_ratios'][1]:<6.2f}" +
              f"{s['be_alone_per_s']:9.2f}{s['be_per_s']:8.2f}" for s in systems]
    lines += ["", "erc: one process, one runtime, default options. The others: two processes, BE",
              "plain, nice 19 or SCHED_IDLE; openvino-priorities: one process, its AUTO plugin",
              "on the CPU with model priorities high and low (the CPU plugin has none).", ""]
    lines += [f"  {version}" for version in dict.fromkeys(s["version"] for s in systems)]
    lines += ["", "A thread that sleeps 1 ms at a time woke more than 0.2 ms late:"]
    lines += [stall_line(phase, stalls) for phase, stalls in result["stalls"].items()]
    if stalled_percent(result["stalls"]["RT alone"]) > MOST_STALLED:
        lines += ["", f"That is more than {MOST_STALLED} % with RT alone: the machine was busy with other work,", "and these figures are not reliable."]
    return "\n".join(lines + ["```", ""])


def write(result, folder):
    os.makedirs(folder, exist_ok=True)
    text = report(result)
    print(text)
    with open(os.path.join(folder, "tenants.md"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(folder, "tenants.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")

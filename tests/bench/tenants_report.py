"""The table of tenants.py: text of 80 columns, and JSON."""
import json
import os
import platform


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def row(system):
    return (f"{system['system']:<20s}{system['rt_alone_ms']['mean']:6.2f}{system['rt_alone_ms']['p99']:6.2f}"
            f"{system['rt_ms']['mean']:7.2f}{system['rt_ms']['p99']:7.2f}{system['mean_ratio']:7.3f}{system['p90_ratio']:6.2f}"
            f"{system['p99_ratio']:6.2f}{system['be_ratio']:7.3f}{system['be_share']:7.3f}")


def stall_line(phase, stalls):
    time_ms = stalls["looks"] + stalls["sum_ms"]
    return (f"  {phase:<13s}{stalls['count']:6d} late of {stalls['looks']} looks, at most {stalls['most_ms']:.1f} ms, "
            f"{100 * stalls['sum_ms'] / time_ms:.2f} % of the time")


def report(result):
    systems = result["systems"]
    lines = ["# Outside partners", "",
             f"`make bench-tenants` on {result['processor']}, {result['cores']} cores, Linux {result['kernel'].split('-')[0]}.", "", "```",
             f"RT: {result['rt']}, Poisson, {result['rate_per_s']:.1f}/s ({result['load']:g} of what the slowest system does alone).",
             f"BE: {result['be']}, closed loop. fp32, batch 1, {result['cores']} threads for each model in each system;",
             f"tenants sleep while they wait. {result['rounds']} rounds of slices of {result['slice_s']:g} s that take turns.", "",
             "Ratios are to the same system's RT and BE alone in the same round (medians of",
             "the rounds; p99: of all arrivals). `avail`: BE beside RT over BE alone, to the",
             "share of the time in which RT alone leaves the device free.", "",
             "                       RT alone    beside BE     ratio to alone     BE to it",
             "                      mean   p99   mean    p99   mean   p90   p99  alone  avail",
             "                        ms    ms     ms     ms"]
    lines += [row(system) for system in systems]
    lines += ["", "                    RT arrivals    BE alone/s   beside RT/s   mean ratio, rounds"]
    lines += [f"{s['system']:<20s}{s['arrivals']:11d}{s['be_alone_per_s']:14.2f}{s['be_per_s']:14.2f}"
              f"     {s['mean_ratios'][0]:.3f} to {s['mean_ratios'][1]:.3f}" for s in systems]
    lines += ["", "erc: one process, one runtime, default options. The others: two processes, BE",
              "plain, nice 19 or SCHED_IDLE; openvino-priorities: one process, its AUTO plugin",
              "on the CPU with model priorities high and low (the CPU plugin has none).", ""]
    lines += [f"  {version}" for version in dict.fromkeys(s["version"] for s in systems)]
    lines += ["", "A thread that sleeps 1 ms at a time woke more than 0.2 ms late:"]
    lines += [stall_line(phase, stalls) for phase, stalls in result["stalls"].items()]
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

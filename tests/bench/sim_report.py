"""Tables and plots of one sweep: sim-DEVICE-WORKLOAD.md and .svg. Plain text and SVG, written here; no libraries."""
import os

# The palette of Okabe and Ito, which colour-blind readers can distinguish, in the order of the legend.
COLOURS = {"elastic": "#0072B2", "exclusive": "#56B4E9", "priority": "#E69F00", "partition": "#009E73", "concurrent": "#CC79A7",
           "fifo": "#7f7f7f"}
OTHER = "#D55E00"
LEAST_ROOM = 0.05  # of the device; if RT leaves less, BE's share of it is not shown
WIDTH, HEIGHT = 800, 384
TOP, BOTTOM, LEFT, PLOT, GAP = 84, 336, 48, 250, 150  # pixels of a panel; GAP also holds the first one's labels
CLIENTS = {"C": "VGG-19 at a fixed rate; BE: five networks", "D": "five networks at fixed rates; BE: the same five",
           "E": "five networks, Poisson arrivals; BE: the same five", "REAL": "five networks, recorded arrivals; BE: the same five",
           "A": "VGG-19 at a fixed rate; BE: ResNet-152", "B": "VGG-19 in a closed loop; BE: ResNet-152"}


def room(cell):
    return cell["be_share_ratio"] if cell["available"] >= LEAST_ROOM else None


# Title, value of a cell, format, explanation. The first and the last are plotted.
METRICS = (
    ("RT requests in time", lambda c: c["in_time"], lambda v: f"{v * 100:.1f} %",
     "share of the arrivals that ended within twice their network's median alone on the whole device"),
    ("Goodput", lambda c: c["in_time_per_second"], lambda v: f"{v:.0f}", "RT requests in time, a second"),
    ("RT mean latency", lambda c: c["rt_mean_ratio"], lambda v: f"{v:.3f}", "over RT alone under the same policy"),
    ("RT p99 latency", lambda c: c["rt_p99_ratio"], lambda v: f"{v:.3f}", "over RT alone under the same policy"),
    ("BE of its room", room, lambda v: f"{v:.3f}",
     f"BE's throughput over BE alone, over the share of the device that RT left; none where that is under {LEAST_ROOM * 100:.0f} %"),
)


def title(sweep):
    contention = ", with contention" if sweep["contention"] else ""
    return f"DISB {sweep['workload']} on a virtual {sweep['device'].split(':')[1].upper()} ({sweep['units']} units{contention})"


def policies(sweep):
    return list(dict.fromkeys(cell["policy"] for cell in sweep["cells"]))


def loads(sweep):
    return list(dict.fromkeys(cell["load"] for cell in sweep["cells"]))


def cell_of(sweep, load, policy):
    return next(cell for cell in sweep["cells"] if cell["load"] == load and cell["policy"] == policy)


def clients(sweep):
    return CLIENTS.get(sweep["workload"], "as the file says")


# ---- tables ----


def alone(sweep, load):
    """RT alone, under the policy with the highest value."""
    return max(cell["rt_solo_in_time"] for cell in sweep["cells"] if cell["load"] == load)


def table(sweep, metric):
    heading, value, form, says = metric
    names = policies(sweep)
    extra = ["RT alone"] if heading == METRICS[0][0] else []
    lines = [f"### {heading}", "", f"{says[0].upper()}{says[1:]}.", "",
             "| RT load | " + " | ".join(names + extra) + " |", "|---:|" + "---:|" * len(names + extra)]
    for load in loads(sweep):
        values = [value(cell_of(sweep, load, name)) for name in names] + [alone(sweep, load) for _ in extra]
        lines.append(f"| {load:g} | " + " | ".join("-" if v is None else form(v) for v in values) + " |")
    return lines + [""]


def markdown(sweep, picture):
    lines = [f"# {title(sweep)}", "",
             f"RT: {clients(sweep)}. RT load is the share of the time that RT alone would keep the device busy, each network by",
             f"itself. `make bench-sim`, {sweep['rounds']} rounds of {sweep['slice_seconds']:g} s of virtual time; every policy gets the same arrivals. Times are what",
             "the artifacts predict, not measurements. RT alone: without BE, under the policy that serves it best.", "",
             f"![RT requests in time and BE throughput over RT load]({picture})", ""]
    for metric in METRICS:
        lines += table(sweep, metric)
    return "\n".join(lines).rstrip() + "\n"


# ---- plots ----


def text(x, y, content, size=12, anchor="start", colour="#333333", weight="normal"):
    content = str(content).replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{content}</text>')


def line(x1, y1, x2, y2, colour, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def spread(places, least, low, high):
    """Moves labels apart, so that neighbours have a distance of at least `least`, as near to their places as
    possible."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    out = list(places)
    for before, i in zip([None] + order, order):
        out[i] = max(out[i], low if before is None else out[before] + least)
    limit = high
    for i in reversed(order):
        out[i] = min(out[i], limit)
        limit = out[i] - least
    return out


class Panel:
    def __init__(self, sweep, left, value, heading, reference=None):
        self.sweep, self.left, self.value, self.heading, self.reference = sweep, left, value, heading, reference
        self.loads = loads(sweep)
        self.low, self.high = min(0.0, self.loads[0]), max(self.loads)
        found = [v for _, points in self.curves() for _, v in points]
        self.most = max([1.0] + found)
        self.most = 1.0 if self.most <= 1.0 else 1.1 if self.most <= 1.1 else self.most * 1.02

    def curves(self):
        for name in policies(self.sweep):
            points = [(load, self.value(cell_of(self.sweep, load, name))) for load in self.loads]
            yield name, [(load, v) for load, v in points if v is not None]

    def x(self, load):
        return self.left + PLOT * (load - self.low) / (self.high - self.low or 1)

    def y(self, value):
        return BOTTOM - (BOTTOM - TOP) * value / self.most

    def axes(self):
        out = [text(self.left, TOP - 14, self.heading, 13, weight="bold")]
        for i in range(0, 6):
            y = self.y(i / 5)
            out += [line(self.left, y, self.left + PLOT, y, "#333333" if i == 0 else "#e4e4e4"),
                    text(self.left - 6, y + 4, f"{i * 20} %", 11, "end", "#666666")]
        step = 0.5 if self.high > 0.8 else 0.2
        for i in range(0, int(self.high / step + 1e-9) + 1):
            out += [line(self.x(i * step), BOTTOM, self.x(i * step), BOTTOM + 4, "#333333"),
                    text(self.x(i * step), BOTTOM + 17, f"{i * step:g}", 11, "middle", "#666666")]
        return out + [text(self.left + PLOT / 2, BOTTOM + 35, "RT load (busy share of the device, alone)", 11, "middle", "#666666")]

    def path(self, points, colour, width, dash=""):
        places = " ".join(f"{self.x(load):.1f},{self.y(v):.1f}" for load, v in points)
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        out = [f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dash}/>']
        for load, v in points if not dash else []:
            out.append(f'<circle cx="{self.x(load):.1f}" cy="{self.y(v):.1f}" r="{width + 0.3:.1f}" fill="{colour}"/>')
        return out

    def draw(self):
        out, ends = self.axes(), []
        if self.reference:
            points = [(load, self.reference(self.sweep, load)) for load in self.loads]
            out += self.path(points, "#333333", 1.2, "4 3")
            ends.append(("RT alone", points[-1], "#333333", "normal"))
        for name, points in reversed(list(self.curves())):
            if not points:
                continue
            is_ours = name == "elastic"
            out += self.path(points, COLOURS.get(name, OTHER), 2.6 if is_ours else 1.6)
            ends.append((name, points[-1], COLOURS.get(name, OTHER), "bold" if is_ours else "normal"))
        right = self.left + PLOT
        places = spread([self.y(end[1]) for _, end, _, _ in ends], 15, TOP, BOTTOM)
        for (name, (load, v), colour, weight), place in zip(ends, places):
            if load < self.high: # the curve ends before the others: no further line is drawn
                out += self.path([(load, v), (self.high, v)], colour, 0.8, "1 4")
            out.append(f'<polyline points="{right + 4:.1f},{self.y(v):.1f} {right + 6:.1f},{self.y(v):.1f} {right + 16:.1f},{place:.1f} '
                       f'{right + 20:.1f},{place:.1f}" fill="none" stroke="{colour}" stroke-width="0.8"/>')
            out.append(text(right + 23, place + 4, name, 12, colour=colour, weight=weight))
        return out


def svg(sweep):
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="Helvetica, Arial, DejaVu Sans, sans-serif">', f"<title>{title(sweep)}</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', text(LEFT - 34, 22, title(sweep), 15, weight="bold", colour="#111111"),
           text(LEFT - 34, 39, f"RT: {clients(sweep)}. Dashed: RT without BE, under the policy that serves it best.", 11,
                colour="#666666")]
    out += Panel(sweep, LEFT, METRICS[0][1], "RT requests in time", alone).draw()
    out += Panel(sweep, LEFT + PLOT + GAP, METRICS[-1][1], "BE throughput, of the room that RT left").draw()
    return "\n".join(out + ["</svg>"]) + "\n"


def write(folder, sweep):
    stem = f"sim-{sweep['device'].split(':')[1]}-{sweep['workload']}"
    for name, content in ((f"{stem}.svg", svg(sweep)), (f"{stem}.md", markdown(sweep, f"{stem}.svg"))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)

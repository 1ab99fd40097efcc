"""Draws what `scale` has measured: one panel for each curve's name, both axes logarithmic.

usage: draw.py MEASURED.csv > SCALE.svg
Each line is `curve/variant,how many,cost`. Colours stand out on white and on black."""
import math
import sys

TITLES = {
    "calls": ("Calls in flight", "ns of CPU a call, there and back"),
    "frames": ("Bytes in a frame", "ns of CPU a byte, there and back"),
    "registered": ("Tools and templates of a server", "ns of CPU a request to one of them"),
    "sessions": ("Idle server sessions", "bytes a session, heap included"),
    "subscriptions": ("Watched resources", "ns of CPU a change that one hears of"),
}
COLOURS = ["#0a84d0", "#d9730d", "#3a9a4b"]
WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 460, 300, 60, 54, 310, 190


def read(path):
    curves = {}
    for line in open(path):
        name, many, cost = line.strip().split(",")
        curve, variant = name.split("/")
        curves.setdefault(curve, {}).setdefault(variant, []).append((float(many), float(cost)))
    return curves


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values) * 1.001))


def short(power):
    if power < 0:
        return f"{10.0 ** power:g}"
    return f"{10 ** (power % 3)}{['', 'k', 'M', 'G'][power // 3]}"


def panel(name, variants, left, top):
    title, unit = TITLES.get(name, (name, ""))
    points = [point for line in variants.values() for point in line]
    (x0, x1), (y0, y1) = decades([x for x, _ in points]), decades([y for _, y in points])
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)

    def place(x, y):
        return (left + LEFT + (math.log10(x) - x0) / (x1 - x0) * PLOT_WIDTH,
                top + TOP + (y1 - math.log10(y)) / (y1 - y0) * PLOT_HEIGHT)

    yield f'<text class="title" x="{left + LEFT}" y="{top + 24}">{title}</text>'
    yield f'<text x="{left + LEFT}" y="{top + 42}">{unit}</text>'
    for power in range(x0, x1 + 1):
        x, y = place(10 ** power, 10 ** y0)
        yield f'<path class="grid" d="M{x:.1f} {y:.1f}v-{PLOT_HEIGHT}"/>'
        yield f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{short(power)}</text>'
    for power in range(y0, y1 + 1):
        x, y = place(10 ** x0, 10 ** power)
        yield f'<path class="grid" d="M{x:.1f} {y:.1f}h{PLOT_WIDTH}"/>'
        yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{short(power)}</text>'
    lowest = -math.inf
    for colour, (variant, line) in sorted(zip(COLOURS, variants.items()), key=lambda one: -one[1][1][-1][1]):
        placed = [place(x, y) for x, y in sorted(line)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        yield f'<path class="line" stroke="{colour}" d="M{path}"/>'
        for x, y in placed:
            yield f'<circle fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
        lowest = max(lowest + 14, placed[-1][1] + 4)
        yield f'<text x="{placed[-1][0] + 8:.1f}" y="{lowest:.1f}" style="fill:{colour}">{variant.lower()}</text>'


def draw(curves):
    rows = (len(curves) + 1) // 2
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {rows * HEIGHT}" '
           'font-family="system-ui, sans-serif" font-size="12">')
    yield ("<style>text{fill:#777}.title{font-size:15px;font-weight:600}.grid{stroke:#7774;fill:none}"
           ".line{fill:none;stroke-width:2}</style>")
    for nth, (name, variants) in enumerate(curves.items()):
        yield from panel(name, variants, nth % 2 * WIDTH, nth // 2 * HEIGHT)
    yield "</svg>"


print("\n".join(draw(read(sys.argv[1]))))

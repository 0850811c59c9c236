"""A run's CPU figures as an SVG: a panel for each scenario, a bar for each contestant."""

from xml.sax.saxutils import escape

from bench.contestants import CONTESTANTS
from bench.report import Figures
from bench.scenarios import SCENARIOS

COLUMNS, PANEL, GAP, LABELS, NUMBERS = 2, 440, 30, 118, 112
BAR, STEP, HEAD = 14, 21, 30
COLOURS = {"ratelimit": "#7a8aa0", "empty": "#4c8bc0", "reading": "#2f6a9e", "backstop": "#d9722b", "lua": "#8c5bb0"}
BARE, INK, FAINT = "#c9ced6", "#1f2733", "#5b6675"


def chart(results):
    """The drawing. Of each bar the grey part is what a bare Envoy uses, the coloured part what the contestant adds."""
    figures = Figures(results)
    height = HEAD + max(map(len, figures.samples.values())) * STEP + GAP // 2
    rows = -(-len(figures.samples) // COLUMNS)
    width = COLUMNS * PANEL + (COLUMNS + 1) * GAP
    body = []
    for index, (name, taken) in enumerate(figures.samples.items()):
        x = GAP + index % COLUMNS * (PANEL + GAP)
        y = 76 + index // COLUMNS * height
        body += _panel(figures, name, [who for who in CONTESTANTS if who in taken], x, y)
    bottom = 76 + rows * height
    note = f"{results['date']}, {results['machine']}, one worker; median of {results['runs'] * results['rounds']}. Each panel has its own scale. The Lua filter reads path, User-Agent and Referer only."
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 16}" viewBox="0 0 {width} {bottom + 16}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{bottom + 16}" rx="8" fill="#ffffff"/>',
        _text(GAP, 32, "CPU of the Envoy process for each request", size=17, weight="600"),
        _text(GAP, 52, "Grey is what a bare Envoy uses, colour what is added to it; in brackets the latter as a multiple of the former.", colour=FAINT),
        *body,
        _text(GAP, bottom, note, colour=FAINT, size=11),
        "</svg>\n",
    ])  # fmt: skip


def _panel(figures, name, contestants, x, y):
    longest = max(figures.of(name, who) for who in contestants)
    scale = (PANEL - LABELS - NUMBERS) / longest
    bare = figures.of(name, "bare")
    shapes = [_text(x, y + 12, SCENARIOS[name].label, size=13, weight="600")]
    for index, who in enumerate(contestants):
        own, top = figures.of(name, who), y + HEAD - 6 + index * STEP
        base = own if who == "bare" or bare is None else min(own, bare)
        left = x + LABELS
        shapes.append(_text(left - 8, top + 11, CONTESTANTS[who].label, anchor="end", weight="600" if who == "backstop" else "400"))
        shapes.append(_bar(left, top, base * scale, BARE if bare is not None else COLOURS.get(who, BARE)))
        shapes.append(_bar(left + base * scale, top, (own - base) * scale, COLOURS.get(who, BARE)))
        times = "" if who == "bare" or not bare else f" ({(own - bare) / bare:+.2f} x)"
        shapes.append(_text(left + own * scale + 6, top + 11, f"{own:,.0f} us{times}", colour=FAINT))
    return shapes


def _bar(x, y, width, colour):
    return f'<rect x="{x:.1f}" y="{y}" width="{max(width, 0):.1f}" height="{BAR}" fill="{colour}"/>'


def _text(x, y, text, *, size=12, weight="400", colour=INK, anchor="start"):
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'

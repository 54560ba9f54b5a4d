"""A plot as an SVG picture: text, so it stands inside a page and needs nothing else."""

from __future__ import annotations

from html import escape
from typing import Final

from tui.presentation.plot import Frame, Plot, Series

WIDTH: Final = 960
HEIGHT: Final = 300
LEFT: Final = 86.0
RIGHT: Final = 14.0
TOP: Final = 34.0
BOTTOM: Final = 28.0

STYLE: Final = """
.plot text{font:12px system-ui,sans-serif;fill:#57606a}
.plot .title{font-weight:600;fill:#1f2328}
.plot .grid{stroke:#d8dee4;stroke-width:1}
.plot .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.plot .first{stroke:#0969da}.plot .second{stroke:#bc4c00}.plot .quiet{stroke:#8c959f}
.plot .area{stroke:none;fill-opacity:.18}
.plot .area.first{fill:#0969da}.plot .area.second{fill:#bc4c00}.plot .area.quiet{fill:#8c959f}
"""


def svg(plot: Plot, *, has_style: bool = False) -> str:
    """The picture.

    Args:
        plot: What to draw.
        has_style: Whether it carries its own colours, as a file of its own must.
    """
    frame = Frame.of(plot, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="100%" role="img" aria-label="{escape(plot.title)}">'
        ),
    ]
    if has_style:
        parts.append(f'<style>{STYLE}</style><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>')
    parts += _axes(plot, frame)
    for series in plot.series:
        parts += _line(series, frame)
    parts += _legend(plot)
    return "".join([*parts, "</svg>"])


def _axes(plot: Plot, frame: Frame) -> list[str]:
    right, bottom = frame.left + frame.width, frame.top + frame.height
    parts = []
    for label in frame.values(plot):
        y = f"{label.place:.1f}"
        parts.append(
            f'<line class="grid" x1="{frame.left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
            f'<text x="{frame.left - 6:.1f}" y="{label.place + 4:.1f}" text-anchor="end">'
            f"{escape(label.text)}</text>"
        )
    for label in frame.times():
        x = f"{label.place:.1f}"
        parts.append(
            f'<line class="grid" x1="{x}" x2="{x}" y1="{frame.top:.1f}" y2="{bottom:.1f}"/>'
            f'<text x="{x}" y="{bottom + 18:.1f}" text-anchor="middle">{escape(label.text)}</text>'
        )
    return parts


def _line(series: Series, frame: Frame) -> list[str]:
    corners = frame.path(series)
    if not corners:
        return []
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    parts = []
    if series.is_filled:
        zero = frame.y(0.0)
        area = f"{corners[0][0]:.1f},{zero:.1f} {points} {corners[-1][0]:.1f},{zero:.1f}"
        parts.append(f'<polygon class="area {series.tone}" points="{area}"/>')
    return [*parts, f'<polyline class="line {series.tone}" points="{points}"/>']


def _legend(plot: Plot) -> list[str]:
    parts = [f'<text class="title" x="{LEFT:.0f}" y="20">{escape(plot.title)}</text>']
    x = WIDTH - RIGHT
    if len(plot.series) < 2:
        return parts
    for series in reversed(plot.series):
        parts.append(f'<text x="{x:.0f}" y="20" text-anchor="end">{escape(series.name)}</text>')
        x -= 7 * len(series.name) + 8
        parts.append(f'<line class="line {series.tone}" x1="{x - 18}" x2="{x}" y1="16" y2="16"/>')
        x -= 34
    return parts

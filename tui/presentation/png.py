"""A plot as a PNG picture, drawn dot by dot: for whoever cannot show an SVG."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import Final

from tui.presentation.plot import Frame, Plot

WIDTH: Final = 960
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 14, 16, 26
_PAPER: Final = b"\xff\xff\xff"
_GRID: Final = b"\xd8\xde\xe4"
_INK: Final = b"\x57\x60\x6a"
_TONES: Final = {"first": b"\x09\x69\xda", "second": b"\xbc\x4c\x00", "quiet": b"\x8c\x95\x9f"}
_GLYPHS: Final = {
    "0": "0e1915130e",
    "1": "040c04040e",
    "2": "0e01060c1f",
    "3": "1e010e011e",
    "4": "060a121f02",
    "5": "1f101e011e",
    "6": "0e101e110e",
    "7": "1f02040808",
    "8": "0e110e110e",
    "9": "0e110f010e",
    "-": "00000e0000",
    ".": "0000000004",
    ",": "0000000408",
    ":": "0004000400",
    "%": "1902040813",
    " ": "0000000000",
}
"""Signs of axis labels: five rows of five dots, two hexadecimal digits a row."""
_CELL: Final = 6


def png(plot: Plot) -> bytes:
    """The picture: the lines with their axes; 24 bits a dot."""
    canvas = _Canvas(WIDTH, HEIGHT)
    frame = Frame.of(plot, _LEFT, _TOP, WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM)
    right, bottom = frame.left + frame.width, frame.top + frame.height
    for label in frame.values(plot):
        canvas.line((frame.left, label.place), (right, label.place), _GRID)
        canvas.text(frame.left - 6 - _CELL * len(label.text), label.place - 2, label.text)
    for label in frame.times():
        canvas.line((label.place, frame.top), (label.place, bottom), _GRID)
        canvas.text(label.place - _CELL * len(label.text) / 2, bottom + 8, label.text)
    for series in plot.series:
        corners = frame.path(series)
        for start, end in pairwise(corners):
            canvas.line(start, end, _TONES[series.tone])
    return canvas.encoded()


class _Canvas:
    """Dots of three bytes."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._rows = [bytearray(_PAPER * width) for _ in range(height)]

    def dot(self, x: int, y: int, colour: bytes) -> None:
        if 0 <= x < self._width and 0 <= y < self._height:
            self._rows[y][3 * x : 3 * x + 3] = colour

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: bytes) -> None:
        steps = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1]))))
        for step in range(steps + 1):
            share = step / steps
            x = start[0] + (end[0] - start[0]) * share
            y = start[1] + (end[1] - start[1]) * share
            self.dot(round(x), round(y), colour)

    def text(self, x: float, y: float, text: str) -> None:
        for place, sign in enumerate(text):
            rows = bytes.fromhex(_GLYPHS.get(sign, _GLYPHS[" "]))
            for row, bits in enumerate(rows):
                for column in range(5):
                    if bits >> (4 - column) & 1:
                        self.dot(round(x) + place * _CELL + column, round(y) + row, _INK)

    def encoded(self) -> bytes:
        raw = b"".join(b"\x00" + bytes(row) for row in self._rows)
        head = struct.pack(">IIBBBBB", self._width, self._height, 8, 2, 0, 0, 0)
        return b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                _piece(b"IHDR", head),
                _piece(b"IDAT", zlib.compress(raw, 9)),
                _piece(b"IEND", b""),
            )
        )


def _piece(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

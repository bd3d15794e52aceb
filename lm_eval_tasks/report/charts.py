"""Numbers -> charts as inline SVG, drawn for a narrow screen; every value is printed in them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lm_eval_tasks.report.svg import COLOURS, element, fill, image, shortened, textures

WIDTH = 360
LEFT, RIGHT = 30, 262
"""Where the bars begin and end; left of them the model's sign, right of them the value."""
BAR, LABEL, GAP = 15, 18, 8


@dataclass(frozen=True)
class Bar:
    """One value. place: of its model, from 0; sign: the model's.

    share: 0 to 1. reach: what could be had at most, drawn as an outline. mark: a line across.
    """

    place: int
    sign: str
    share: float
    text: str
    reach: float = 1.0
    mark: float | None = None


@dataclass(frozen=True)
class BarGroup:
    """A label and the bars under it."""

    label: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Line:
    """One task, from before to after. certain: the interval of the difference is clear of 0."""

    sign: str
    before: float
    after: float
    certain: bool


@dataclass(frozen=True)
class Spot:
    """Answers given with about the same probability."""

    confidence: float
    accuracy: float
    answers: int


def bars(name: str, caption: tuple[str, str], rows: Sequence[BarGroup]) -> Markup:
    """Horizontal bars, one group for each row. name: unique on the page; caption: see `image`."""
    pieces, top = [], 0.0
    for row in rows:
        pieces.append(element("text", shortened(row.label, 56), x=0, y=top + 13, class_="label"))
        top += LABEL
        for bar in row.bars:
            pieces += _bar(name, bar, top)
            top += BAR
        top += GAP
    places = 1 + max((bar.place for row in rows for bar in row.bars), default=0)
    return image(name, (WIDTH, top), caption, textures(name, places), *pieces)


def _bar(name: str, bar: Bar, top: float) -> Iterator[str]:
    full, middle = RIGHT - LEFT, top + BAR - 4
    yield element("text", bar.sign, x=0, y=middle, class_="sign")
    yield element(
        "rect", x=LEFT, y=top + 1, width=_px(full * bar.reach), height=BAR - 3, class_="reach"
    )
    yield element(
        "rect",
        x=LEFT,
        y=top + 1,
        width=_px(full * bar.share),
        height=BAR - 3,
        fill=fill(name, bar.place),
        stroke=COLOURS[bar.place % 5],
    )
    if bar.mark is not None:
        across = LEFT + full * bar.mark
        yield element("path", d=f"M{_px(across)} {top - 2:g}v{BAR + 2}", class_="mark")
    yield element("text", bar.text, x=RIGHT + 6, y=middle)


def slope(
    name: str, caption: tuple[str, str], ends: tuple[str, str], lines: Sequence[Line]
) -> Markup:
    """Before and after, a line for each task; ends: what stands above the two sides.

    A line that is certain is thick; one that falls is dashed.
    """
    values = [value for line in lines for value in (line.before, line.after)]
    low, high = min(values), max(values)
    room = max(high - low, 0.05)
    bottom = max(220, 18 * len(lines) + 60)

    def height(value: float) -> float:
        return bottom - 20 - (bottom - 60) * (value - low) / room

    left = spread([height(line.before) for line in lines], 15)
    right = spread([height(line.after) for line in lines], 15)
    pieces = [
        element("text", shortened(ends[0], 22), x=110, y=14, class_="label", text_anchor="middle"),
        element("text", shortened(ends[1], 22), x=250, y=14, class_="label", text_anchor="middle"),
        element("path", d=f"M110 24V{bottom - 10}M250 24V{bottom - 10}", class_="axis"),
    ]
    for line, start, end in zip(lines, left, right, strict=True):
        pieces += _slope_line(line, (height(line.before), height(line.after)), (start, end))
    return image(name, (WIDTH, bottom), caption, *pieces)


def _slope_line(
    line: Line, heights: tuple[float, float], labels: tuple[float, float]
) -> Iterator[str]:
    falls = line.after < line.before
    yield element(
        "path",
        d=f"M110 {_px(heights[0])}L250 {_px(heights[1])}",
        fill="none",
        stroke=COLOURS[1 if falls else 0],
        stroke_width=3 if line.certain else 1,
        stroke_dasharray="6 4" if falls else "none",
    )
    arrow = "▼" if falls else "▲" if line.after > line.before else "＝"
    before, after = f"{line.sign}  {line.before:.1%}", f"{line.after:.1%} {arrow} {line.sign}"
    yield element("text", before, x=102, y=_px(labels[0] + 4), text_anchor="end")
    yield element("text", after, x=258, y=_px(labels[1] + 4))


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The nearest heights, in the same order, that are at least `gap` apart."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    # blocks of labels that touch, each about the mean of what its labels wanted
    blocks: list[list[int]] = []
    for place in order:
        blocks.append([place])
        while len(blocks) > 1 and _top(blocks[-1], heights, gap) < gap + _top(
            blocks[-2], heights, gap
        ) + gap * (len(blocks[-2]) - 1):
            last = blocks.pop()
            blocks[-1] += last
    made = [0.0] * len(heights)
    for block in blocks:
        for index, place in enumerate(block):
            made[place] = _top(block, heights, gap) + gap * index
    return made


def _top(block: Sequence[int], heights: Sequence[float], gap: float) -> float:
    return math.fsum(heights[place] for place in block) / len(block) - gap * (len(block) - 1) / 2


def reliability(
    name: str, caption: tuple[str, str], axes: tuple[str, str], spots: Sequence[Spot]
) -> Markup:
    """Confidence across, accuracy up; on the dashed line they are the same. Numbers: answers."""
    left, top, side = 44, 34, 240
    most = max(spot.answers for spot in spots)
    pieces = [
        element("path", d=f"M{left} {top}v{side}h{side}", class_="axis", fill="none"),
        element("path", d=f"M{left} {top + side}L{left + side} {top}", class_="ideal"),
        element("text", axes[1], x=0, y=14),
        element("text", axes[0], x=left + side, y=top + side + 34, text_anchor="end"),
    ]
    for tick in (0.0, 0.5, 1.0):
        across, up = left + side * tick, top + side * (1 - tick)
        pieces.append(
            element("text", f"{tick:.0%}", x=across, y=top + side + 17, text_anchor="middle")
        )
        pieces.append(element("text", f"{tick:.0%}", x=left - 6, y=up + 4, text_anchor="end"))
    for spot in spots:
        across, up = left + side * spot.confidence, top + side * (1 - spot.accuracy)
        radius = 3 + 7 * math.sqrt(spot.answers / most)
        pieces.append(element("circle", cx=_px(across), cy=_px(up), r=_px(radius), class_="spot"))
        pieces.append(element("text", str(spot.answers), x=_px(across + radius + 2), y=_px(up + 4)))
    return image(name, (WIDTH, top + side + 40), caption, *pieces)


def _px(value: float) -> str:
    return f"{value:.1f}"

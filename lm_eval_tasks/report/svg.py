"""Pieces of inline SVG: escaped elements, and fills that are caption apart without colour."""

from collections.abc import Mapping
from html import escape

from markupsafe import Markup

COLOURS = ("#1f4e79", "#a34700", "#2e6b34", "#6b2d73", "#444444")
"""Each at least 4.5 : 1 on white."""
TEXTURES = (
    "",
    "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "M3 0V6",
    "M0 3H6",
    "M0 0L6 6M6 0L0 6",
)


def element(tag: str, text: str = "", **attributes: object) -> str:
    """One element with escaped text; `_` in a name stands for `-`, a last `_` for nothing."""
    return f"<{tag}{_attributes(attributes)}>{escape(text)}</{tag}>"


def group(tag: str, *children: str, **attributes: object) -> str:
    """An element around others, which are markup already."""
    return f"<{tag}{_attributes(attributes)}>{''.join(children)}</{tag}>"


def image(name: str, size: tuple[float, float], caption: tuple[str, str], *children: str) -> Markup:
    """A whole picture.

    Args:
        name: unique on the page.
        size: width and height, in CSS pixels on a narrow screen.
        caption: title and description, what a screen reader says of it.
    """
    width, height = size
    return Markup(
        group(
            "svg",
            element("title", caption[0], id=f"{name}-title"),
            element("desc", caption[1], id=f"{name}-desc"),
            *children,
            role="img",
            viewBox=f"0 0 {width:g} {height:g}",
            width=f"{width:g}",
            height=f"{height:g}",
            aria_labelledby=f"{name}-title {name}-desc",
        )
    )


def textures(name: str, places: int) -> str:
    """The definitions of as many fills; `fill` refers to them."""
    return group("defs", *(_texture(name, place) for place in range(1, min(places, 5))))


def fill(name: str, place: int) -> str:
    """Of the model in this place: its colour, after the first with a texture as well."""
    return f"url(#{name}-fill{place % 5})" if place % 5 else COLOURS[0]


def shortened(text: str, width: int) -> str:
    """Cut to fit, a Japanese letter being as wide as two others."""
    room = width
    for place, letter in enumerate(text):
        room -= 1 if letter.isascii() else 2
        if room < 0:
            return text[: max(1, place - 1)] + "…"
    return text


def _texture(name: str, place: int) -> str:
    colour = COLOURS[place]
    return group(
        "pattern",
        element("rect", width=6, height=6, fill=colour, opacity=0.25),
        element("path", d=TEXTURES[place], stroke=colour, stroke_width=2, fill="none"),
        id=f"{name}-fill{place}",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )


def _attributes(given: Mapping[str, object]) -> str:
    return "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in given.items()
    )

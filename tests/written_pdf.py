"""PDFs written by hand: Japanese text in a font that every reader knows and no file embeds."""

import re
from collections.abc import Sequence

Line = tuple[float, float, float, str]
"""x, y from the lower left corner in points, size, text."""
ENCODING = "UniJIS-UTF16-H"


def pdf(pages: Sequence[Sequence[Line]], encoding: str = ENCODING) -> bytes:
    """Write pages of A4. encoding: UniJIS-UTF16-V is written from top to bottom."""
    count = len(pages)
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        f"<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3-{encoding} "
        f"/Encoding /{encoding} /DescendantFonts [4 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /CIDSystemInfo << "
        "/Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /FontDescriptor 5 0 R /DW 1000 "
        "/W [1 [500] 2 [500] 231 389 500] >>",
        "<< /Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 6 /FontBBox [0 -200 1000 900] "
        "/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    for number, lines in enumerate(pages):
        drawn = "\n".join(_drawn(*line) for line in lines)
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font "
            f"<< /F1 3 0 R >> >> /Contents {7 + 2 * number} 0 R >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    return _file(objects)


def paragraph(  # noqa: PLR0913
    x: float, y: float, size: float, text: str, letters: int, *, pitch: float = 1.6
) -> list[Line]:
    """Lines of at most so many letters, broken anywhere but in numbers and Latin words.

    pitch: from line to line, in sizes.
    """
    parts = [""]
    for piece in re.findall(r"[!-~]+|.", text):
        if len(parts[-1]) + len(piece) > letters:
            parts.append("")
        parts[-1] += piece
    return [(x, y - pitch * size * number, size, part) for number, part in enumerate(parts)]


def _drawn(x: float, y: float, size: float, text: str) -> str:
    return f"BT /F1 {size} Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET"


def _file(objects: Sequence[str]) -> bytes:
    out, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode("ascii")

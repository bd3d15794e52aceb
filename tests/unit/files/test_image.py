"""Images that somebody else wrote: each is shown as it is meant, or refused with its name."""

import base64
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.image import MOST_PIXELS, open_image, png_bytes, thumbnail_uri

PATIENT = "国試花子"
RED, WHITE = (255, 0, 0), (255, 255, 255)
ORIENTATION, DESCRIPTION = 0x0112, 0x010E


def saved(picture: Image.Image, file: Path, **more: object) -> Path:
    picture.save(file, **more)  # type: ignore[arg-type]
    return file


def two_colours(mode: str = "RGB") -> Image.Image:
    """Left half red, right half white."""
    picture = Image.new("RGB", (40, 20), WHITE)
    picture.paste(RED, (0, 0, 20, 20))
    return picture.convert(mode)


def chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_kind_of_pixels_becomes_rgb(mode: str, tmp_path: Path) -> None:
    ending = "jpg" if mode == "CMYK" else "png"
    file = saved(two_colours(mode), tmp_path / f"one.{ending}")
    picture = open_image(file)
    assert (picture.mode, picture.size, picture.info) == ("RGB", (40, 20), {})
    left, right = picture.getpixel((5, 10)), picture.getpixel((35, 10))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert min(right) > 250
    if mode in ("RGB", "P", "RGBA", "CMYK"):
        assert (left[0] > 240, left[1] < 15, left[2] < 15) == (True, True, True)


def test_what_is_transparent_is_seen_on_white(tmp_path: Path) -> None:
    picture = two_colours("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    unseen = saved(picture, tmp_path / "alpha.png")
    half = two_colours("RGBA")
    half.putalpha(128)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    indexed = saved(palette, tmp_path / "palette.png", transparency=1)
    grey = saved(Image.new("L", (4, 4), 7), tmp_path / "grey.png", transparency=7)
    assert open_image(unseen).getcolors() == [(800, WHITE)]
    assert open_image(saved(half, tmp_path / "half.png")).getpixel((0, 0)) == (255, 127, 127)
    assert open_image(indexed).getcolors() == [(16, WHITE)]
    assert open_image(grey).getcolors() == [(16, WHITE)]


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    file = saved(Image.fromarray(values), tmp_path / "ct.png")
    assert [open_image(file).getpixel((x, 0)) for x in range(4)] == [
        (0, 0, 0), (1, 1, 1), (128, 128, 128), WHITE,
    ]  # fmt: skip
    unseen = png(2, 1, 16, 0, b"\0\x10\x00\x80\x00", chunk(b"tRNS", b"\x10\x00"))
    (tmp_path / "unseen.png").write_bytes(unseen)
    shown = open_image(tmp_path / "unseen.png")
    assert [shown.getpixel((x, 0)) for x in range(2)] == [WHITE, (128, 128, 128)]
    (tmp_path / "colour.png").write_bytes(png(1, 1, 16, 2, b"\0" + b"\xff\xff\x80\x00\x00\x00"))
    assert open_image(tmp_path / "colour.png").getpixel((0, 0)) == (255, 128, 0)


@pytest.mark.parametrize(("ending", "deep"), [("jpg", False), ("png", False), ("png", True)])
def test_a_photo_taken_sideways_is_turned(ending: str, deep: bool, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned: to be shown a quarter clockwise
    picture = two_colours()
    if deep:
        picture = Image.fromarray(np.asarray(two_colours("L"), dtype=np.uint16) * 257)
    upright = open_image(saved(picture, tmp_path / f"photo.{ending}", exif=exif))
    assert upright.size == (20, 40)
    top, bottom = upright.getpixel((10, 5)), upright.getpixel((10, 35))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[1] < 90  # red, or the grey of it
    assert min(bottom) > 250


def planted(file: Path) -> Path:
    """A picture whose EXIF, text, XMP and comment hold a patient's name."""
    exif = Image.Exif()
    exif[DESCRIPTION] = PATIENT
    if file.suffix == ".jpg":
        name = PATIENT.encode()
        return saved(two_colours(), file, exif=exif, comment=name, xmp=name, icc_profile=name)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Patient", PATIENT)
    texts.add_itxt("XML:com.adobe.xmp", f"<x>{PATIENT}</x>")
    texts.add_text("zipped", PATIENT, zip=True)
    return saved(two_colours(), file, exif=exif, pnginfo=texts, icc_profile=PATIENT.encode())


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_no_metadata_survives(ending: str, tmp_path: Path) -> None:
    file = planted(tmp_path / f"one.{ending}")
    assert PATIENT.encode() in file.read_bytes()
    picture = open_image(file)
    assert picture.info == {}
    assert not picture.getexif()
    chunks = png_bytes(picture)
    names, place = [], 8
    while place < len(chunks):
        (length,) = struct.unpack_from(">I", chunks, place)
        names.append(chunks[place + 4 : place + 8])
        place += length + 12
    assert {*names} == {b"IHDR", b"IDAT", b"IEND"}
    uri = thumbnail_uri(file, 16)
    assert uri.startswith("data:image/jpeg;base64,")
    small = base64.b64decode(uri.partition(",")[2])
    assert PATIENT.encode() not in small
    with Image.open(io.BytesIO(small)) as thumbnail:
        assert thumbnail.size == (16, 8)
        assert not thumbnail.getexif()


def test_a_png_of_the_picture_has_its_pixels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    picture = open_image(saved(Image.fromarray(noise), tmp_path / "one.jpg"))
    (tmp_path / "copy.png").write_bytes(png_bytes(picture))
    assert open_image(tmp_path / "copy.png") == picture


def bomb() -> bytes:
    """20,000 by 20,000 pixels in a few hundred bytes: nothing of them can be meant."""
    return png(20_000, 20_000, 8, 2, bytes(100))


def large() -> bytes:
    """More than is allowed, and fewer than Pillow itself refuses."""
    return png(9_000, 9_000, 8, 2, bytes(100))


def animated() -> bytes:
    out, frames = io.BytesIO(), [two_colours(), Image.new("RGB", (40, 20), RED)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def of(form: str) -> bytes:
    out = io.BytesIO()
    two_colours().save(out, form)
    return out.getvalue()


def flipped(content: bytes) -> bytes:
    """One bit of the pixels is wrong; their checksum is the old one."""
    place = content.index(b"IDAT") + 8
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: of("PNG")[:-30], "damaged or cut off"),
        (lambda: of("PNG")[:-8], "damaged or cut off"),
        (lambda: of("PNG")[:20], "damaged or cut off"),
        (lambda: of("JPEG")[:-30], "damaged or cut off"),
        (lambda: flipped(of("PNG")), "damaged or cut off"),
        (lambda: of("PNG").replace(b"IDAT", b"IDBT", 1), "no image that can be read"),
        (lambda: of("GIF"), "no image that can be read; allowed: PNG and JPEG"),
        (lambda: of("TIFF"), "no image that can be read; allowed: PNG and JPEG"),
        (lambda: b"<svg/>", "no image that can be read; allowed: PNG and JPEG"),
        (lambda: b"", "no image that can be read; allowed: PNG and JPEG"),
        (animated, "an animated PNG; allowed: one picture"),
        (bomb, f"too many pixels; allowed: {MOST_PIXELS:,}"),
        (large, f"9000 x 9000 pixels; allowed: {MOST_PIXELS:,} in all, 16,384 a side"),
        (lambda: png(1, 16_385, 8, 2, bytes(100)), "1 x 16385 pixels; allowed: "),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_its_name(
    content: Callable[[], bytes], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as a package that fills up what is cut off may have set it for the whole process
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    file = tmp_path / "one.png"
    file.write_bytes(content())
    with pytest.raises(JmedError, match=said) as refused:
        open_image(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JmedError, match=r"none\.png: cannot be read: No such file"):
        open_image(tmp_path / "none.png")
    with pytest.raises(JmedError, match="cannot be read"):
        open_image(tmp_path)


def test_a_camera_s_jpeg_with_a_second_picture_shows_the_first(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    small = Image.new("RGB", (4, 4))
    two_colours().save(file, "MPO", save_all=True, append_images=[small])
    assert open_image(file).size == (40, 20)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4000))
def test_a_picture_made_smaller_has_at_most_the_pixels_and_its_shape(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, pixels: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "sized.png"
    Image.new("RGB", (width, height), RED).save(file)
    small = open_image(file, pixels)
    assert small.width * small.height <= max(pixels, 1)
    if width * height <= pixels:
        assert small.size == (width, height)
    elif min(small.size) > 1:  # no further from the shape than a pixel of each side
        assert abs(small.width - small.height * width / height) <= 1 + width / height
    assert small.getcolors() == [(small.width * small.height, RED)]

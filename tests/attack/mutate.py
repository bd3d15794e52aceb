"""A whole file -> a damaged one: bytes, text, and the values of JSON and YAML."""

import copy
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import yaml

Place = tuple[Any, ...]
NUMBERS = (
    b"1e999",
    b"-1",
    b"NaN",
    b"-Infinity",
    b"9" * 5000,
    b"0",
    b"1e4",
    b"99999999999",
    b"0x1F",
)
TEXTS = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", "\u202e".encode(), b"\x1b[2J", b"[/x]", b"{{7}}", b"../x",
    b"!!python/object:os.system x", b"&a [*a]", b"%s%n", b'"', b"'", b"\\", b"\r", b"\n\n", b"\t",
    b",", b"#", b"|", b": ", b"- ", "\ud800".encode(errors="surrogatepass"), "・".encode("cp932"),
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 5.0, 0.5, 1e308, 10**18, 10**30, float("nan"), float("inf"), "",
    "x", "0", "1e4", "NaN", "=1+1", "../../etc/passwd", "a" * 10_000, "\x1b[2J", "[/x]", "\0",
    "\ud800", [], {}, [None], [[]], {"": None}, {"a": {"a": {}}}, [0] * 100, "2026-02-31", "²",
    "org/name", [{"path": "x"}], "on", ["a", 1],
)  # fmt: skip
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (97 + n, 97 + n, b",".join([b"*%c" % (96 + n)] * 9)) for n in range(1, 9)
)


def mutated(whole: bytes, ending: str, chance: random.Random) -> bytes:
    """One damaged form of `whole`, another for each state of `chance`."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [*RAW]
    if ending in STRUCTURED:
        ways += [STRUCTURED[ending]] * 8
    if ending == ".xlsx":
        ways += [_in_zip] * 8
    found = chance.choice(ways)(whole, chance)
    return found if chance.random() < 0.8 else chance.choice(RAW)(found, chance)


def _cut(whole: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randrange(len(whole) + 1)]


def _flip(whole: bytes, chance: random.Random) -> bytes:
    found = bytearray(whole)
    for _ in range(chance.choice((1, 1, 3, 20))):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _insert(whole: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(whole) + 1)
    return whole[:place] + chance.choice(TEXTS) * chance.choice((1, 1, 100)) + whole[place:]


def _move(whole: bytes, chance: random.Random) -> bytes:
    begin, end = sorted(chance.randrange(len(whole) + 1) for _ in range(2))
    return chance.choice((whole[:begin] + whole[end:], whole[:end] + whole[begin:]))


def _number(whole: bytes, chance: random.Random) -> bytes:
    found = [*re.finditer(rb"-?\d+(?:\.\d+)?", whole)]
    if not found:
        return _insert(whole, chance)
    at = chance.choice(found)
    return whole[: at.start()] + chance.choice(NUMBERS) + whole[at.end() :]


def _encoded(whole: bytes, chance: random.Random) -> bytes:
    text = whole.decode("utf-8", errors="replace")
    name = chance.choice(("utf-16", "utf-16-le", "utf-32", "cp932", "euc_jp", "utf-8-sig", "utf-7"))
    return text.encode(name, errors="replace")


def _lines(whole: bytes, chance: random.Random) -> bytes:
    lines = whole.split(b"\n")
    chance.shuffle(lines)
    return chance.choice((b"\n", b"\r", b"\r\n", b"\n\n", b"")).join(lines[: chance.randrange(99)])


def _nested(_: bytes, chance: random.Random) -> bytes:
    opening = chance.choice((b"[", b'{"a":', b"- ", b"{a: ", b"((", b'"'))
    return opening * chance.choice((90, 200, 1_500, 30_000))


def _strange(_: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        (b"", b"\n", b"null", b"0", b'""', b"[]", b"{}", b"true", b"\0" * 1000, BOMB, b"---\n---",
         b"NaN", b"%PDF-1.4", b"PK\x03\x04", b"a" * 200_000, b"a.a-a" * 20_000, b"=" * 50_000)
    )  # fmt: skip


RAW = (_cut, _flip, _insert, _move, _number, _encoded, _lines, _nested, _strange)


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Where something stands in JSON, inner values too."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def _value(whole: Any, chance: random.Random) -> Any:
    """Another value, or none, at one or two places."""
    for _ in range(chance.choice((1, 1, 1, 2))):
        found = [*places(whole)]
        if not found:
            return copy.deepcopy(chance.choice(VALUES))
        *path, last = chance.choice(found)
        inside = whole
        for key in path:
            inside = inside[key]
        _change(inside, last, chance)
    return whole


def _change(inside: Any, last: Any, chance: random.Random) -> None:
    way = chance.random()
    if way < 0.7:
        inside[last] = copy.deepcopy(chance.choice(VALUES))
    elif way < 0.8:
        del inside[last]
    elif way < 0.9 and isinstance(inside, dict):
        key = chance.choice(("", "x", "__class__", f"{last}s", "\ud800"))
        inside[key] = copy.deepcopy(inside[last])
    else:
        inside[last] = [inside[last]]


def _json(whole: bytes, chance: random.Random) -> bytes:
    value = _value(json.loads(whole), chance)
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return text.encode(errors="surrogatepass")


def _jsonl(whole: bytes, chance: random.Random) -> bytes:
    lines = [line for line in whole.split(b"\n") if line]
    place = chance.randrange(len(lines))
    lines[place] = _json(lines[place], chance)
    return b"\n".join(lines)


def _yaml(whole: bytes, chance: random.Random) -> bytes:
    value = _value(yaml.safe_load(whole), chance)
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
    if chance.random() < 0.2:
        text = text.replace(": ", f": {chance.choice(TAGS)} ", 1 + chance.randrange(3))
    return text.encode(errors="surrogatepass")


TAGS = (
    "!!bool",
    "!!int",
    "!!timestamp",
    "!!binary",
    "!!set",
    "!!float",
    "!x",
    "&a",
    "*a",
    "!!null",
)


def _png(whole: bytes, chance: random.Random) -> bytes:
    """One of its parts damaged and its checksum right, so that it is read on."""
    found, place = bytearray(_flip(whole, chance)), 8
    while place + 12 <= len(found):
        (length,) = struct.unpack_from(">I", found, place)
        end = place + 8 + length
        if end + 4 > len(found):
            break
        struct.pack_into(">I", found, end, zlib.crc32(found[place + 4 : end]))
        place = end + 4
    return bytes(found)


STRUCTURED: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": _json,
    ".jsonl": _jsonl,
    ".yaml": _yaml,
    ".card": _yaml,
    ".png": _png,
}


def _in_zip(whole: bytes, chance: random.Random) -> bytes:
    """The same zip with one of its parts damaged."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        chosen = chance.choice(names)
        for name in names:
            part = old.read(name)
            new.writestr(name, chance.choice(RAW)(part, chance) if name == chosen else part)
    return made.getvalue()

"""The report of real lm_eval runs in a real browser: silent, offline, and no wider than a phone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lm_eval_tasks import TASKS_PATH
from lm_eval_tasks.cli.main import main
from tests.e2e.lm_eval_run import run_lm_eval

TASKS = "jmed_sample_letters,jmed_sample_mc,jmed_sample_paper"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
QUIET = ("--disable-background-networking", "--no-first-run", "--proxy-server=http://127.0.0.1:9")
"""A port where nobody listens: the browser asks for things of its own, and shall not get them."""
BY_A_PAGE = 101845102
"""How Chromium's log marks what pages ask for: its traffic annotation blink_resource_loader."""
PHONE = 360
MEASURE = """<script>
const score = document.querySelector("section[aria-labelledby=scores] td.number")
const right = Math.ceil(score.getBoundingClientRect().right)
parent.postMessage(Math.max(document.documentElement.scrollWidth, right), "*")
</script></body>"""
"""How wide the page is, or how far to the right its first score stands."""
FRAME = """<body><iframe src="page.html" width="360" height="640" style="border:0"></iframe>
<script>onmessage = (event) => { document.body.dataset.width = event.data }</script></body>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    for model in ("dummy", "oracle"):
        where = ("--include_path", str(TASKS_PATH), "--tasks", TASKS)
        run_lm_eval("tests.e2e.oracle", out / model, "--model", model, *where)
    return out


def browse(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("no chromium here")
    return subprocess.run(
        [chromium, *FLAGS, *QUIET, *flags, "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip


def visited(page: Path) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What the browser said, and the addresses that the page asked for."""
    log = page.with_suffix(".json")
    done = browse(page, f"--log-net-log={log}")
    request = rf'"traffic_annotation":{BY_A_PAGE},"url":"([^"]*)"'
    found: list[str] = re.findall(request, log.read_text(encoding="utf-8"))
    return done, [url for url in found if not url.startswith("file:")]


def test_a_page_that_asks_for_something_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<img src="http://example.invalid/x.png">', encoding="utf-8")
    assert visited(page)[1] == ["http://example.invalid/x.png"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_report_in_a_browser(folder: Path, tmp_path: Path, language: str) -> None:
    page = tmp_path / "report.html"
    folders = (str(folder / "dummy"), str(folder / "oracle"))
    main(["report", *folders, "-o", str(page), "--lang", language])
    done, requested = visited(page)
    assert "CONSOLE" not in done.stderr
    assert '<h2 id="changes">' in done.stdout
    assert not requested

    # the policy forbids the script that measures
    bare = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
    opened = bare.replace("<details>", "<details open>").replace("</body>", MEASURE)
    (tmp_path / "page.html").write_text(opened, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    framed = browse(tmp_path / "frame.html", "--virtual-time-budget=5000")
    (width,) = re.findall(r'data-width="(\d+)"', framed.stdout)
    assert int(width) <= PHONE


def test_the_report_reads_what_lm_eval_wrote(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    main(["report", str(folder / "oracle"), "-o", str(page), "--lang", "en"])
    text = page.read_text(encoding="utf-8")
    assert text.count("Not computed") == 3  # letters and paper: calibration; paper: positions
    assert text.count("PASS") == 6  # on top and in its box
    assert str(tmp_path) not in text
    assert "/tmp" not in text

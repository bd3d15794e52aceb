"""Rewrite what programs print in README and docs: `make docs`.

Each such part stands between `<!-- the command that prints it -->` and `<!-- end -->`. Those that
need torch take minutes; `--fast` leaves them as they are.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from lm_eval_tasks import telemetry
from lm_eval_tasks.cli.main import command_lines
from lm_eval_tasks.protocols import PROTOCOLS, TEXT_PROTOCOLS
from lm_eval_tasks.tables.exams import clinical_markdown, exams_markdown
from lm_eval_tasks.words import read_words
from tests.benchmarks.gpu.table import kept as gpu_table

Maker = Callable[[str], Iterator[str]]
ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MARKED = re.compile(
    r"(?P<begin><!-- (?P<maker>(?:jmed|python -m) [^>]*?) -->\n)(?P<text>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
PROTOCOL_HEADINGS = {
    "en": ("protocol", "asked", "right is decided by", "further metrics"),
    "ja": ("方式", "出題", "正誤を決める指標", "ほかの指標"),
}
COMMANDS_JA = {
    "path": "lm_eval --include_path に渡すフォルダーを表示",
    "eval": "lm_eval run にタスクを補って実行（フラグはすべてそのまま、加えて --resume FOLDER）",
    "exams": "試験の一覧：問題数、許諾、手元にあるもの",
    "fetch": "固定した版のファイルを取得して照合",
    "link": "素の lm_eval がタスクを見つけられるようにする",
    "unlink": "link が置いたものを取り除く",
    "verdict": "実行結果の合格・不合格",
    "submission": "順位表と Hub のためのファイル",
    "submission check": "提出の前に、そのファイルを検査",
    "compare": "アダプターで何が変わったか：対応のある検定、正誤の入れ替わり、判定",
    "report": "実行結果を 1 枚の HTML に",
    "leaderboard": "フォルダー以下の全結果を一つの表に",
    "rescore": "解答のファイルを、モデルなしで採点",
    "floor": "何も知らない解答の、各指標でのスコア",
    "new-exam": "自分の問題の表からタスクを作成",
    "check-exam": "表の行ごとに誤りを表示",
}


def metrics_of(protocol: str) -> tuple[str, ...]:
    """The metrics of a protocol that are a mean, the one that decides what is right first."""
    return tuple(PROTOCOLS[protocol].metrics)


def protocols(language: str, *, brief: bool = False) -> Iterator[str]:
    """Each protocol, how it asks, and its metrics; in brief, the deciding one alone."""
    asked = read_words(language).report["protocols"]
    headings = PROTOCOL_HEADINGS[language][: 3 if brief else 4]
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for name in TEXT_PROTOCOLS if brief else PROTOCOLS:
        decides, *others = (f"`{metric}`" for metric in metrics_of(name))
        how = asked[name].partition("(")[2].removesuffix(")")
        cells = (
            (f"`{name}`", how, decides) if brief else (f"`{name}`", how, decides, ", ".join(others))
        )
        yield f"| {' | '.join(cells)} |"


def commands(language: str) -> Iterator[str]:
    """Each command of jmed and its line in `jmed --help`, as a block of code."""
    for name, text in command_lines():
        yield f"    jmed {name:17} {COMMANDS_JA[name] if language == 'ja' else text}"


def recipes(language: str) -> Iterator[str]:
    """The recipes; half a minute."""
    del language
    from trainer.planning.recipe_table import lines, markdown  # noqa: PLC0415 (torch)

    return markdown(lines())


def families(language: str) -> Iterator[str]:
    """The families of models; a minute."""
    del language
    from tests.e2e.families_table import table  # noqa: PLC0415 (torch)

    return table()


FAST: dict[str, Maker] = {
    "jmed exams --markdown": exams_markdown,
    "jmed exams --markdown, brief": partial(exams_markdown, brief=True),
    "jmed exams --markdown, clinical": clinical_markdown,
    "jmed exams --markdown, clinical, brief": partial(clinical_markdown, brief=True),
    "python -m tests.docs_tables: protocols": protocols,
    "python -m tests.docs_tables: protocols, brief": partial(protocols, brief=True),
    "jmed --help": commands,
    "python -m tests.benchmarks.gpu.table": gpu_table,
}
SLOW: dict[str, Maker] = {
    "python -m trainer recipes": recipes,
    "python -m tests.e2e.families_table": families,
}


def rewritten(page: Path, makers: Mapping[str, Maker]) -> str:
    """The page with the parts made anew whose maker is among `makers`.

    Raises:
        KeyError: a mark names no maker.
    """
    text = page.read_text(encoding="utf-8")
    language = "ja" if ".ja" in page.name or page.parent.name == "ja" else "en"

    def made(found: re.Match[str]) -> str:
        if found["maker"] not in makers:
            (FAST | SLOW)[found["maker"]]
            return found[0]
        return "".join(
            (
                found["begin"],
                *(f"{line}\n" for line in makers[found["maker"]](language)),
                found["end"],
            )
        )

    return MARKED.sub(made, text)


def main() -> None:
    """Rewrite every page that changes, and name it."""
    # a machine that has a base prints what others print, and nobody waits for the Hub
    os.environ["HF_HUB_OFFLINE"] = "1"
    telemetry.turn_off()
    makers = FAST if "--fast" in sys.argv[1:] else FAST | SLOW
    for page in PAGES:
        text = rewritten(page, makers)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: rewritten")


if __name__ == "__main__":
    main()

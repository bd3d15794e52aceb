"""A metric is added as CONTRIBUTING.md says, in a copy of this checkout.

Three files and the two word lists by hand, and the pages that `make docs` prints: lm_eval measures
it, the commands show it, and results written before are read and compared as before.
"""

import json
from pathlib import Path

from tests.e2e.copied_checkout import changed, copy_checkout, digests, insert, run

NAME, MEANING = "one_line", "Share of responses of one line"
PLUGIN = "lm_eval_tasks"
TESTS = (
    "tests/unit/test_protocols.py", "tests/unit/test_words.py",
    "tests/unit/scoring/test_metrics.py", "tests/recorded/test_old_results.py",
)  # fmt: skip


def add_metric(plugin: Path) -> None:
    """To the protocols that read letters."""
    insert(
        plugin / "scoring" / "metrics.py",
        f'        "{NAME}": float("\\n" not in response.strip()),',
        after='"extracted": float(bool(reading.rule))',
    )
    protocols = plugin / "protocols.py"
    record = f'Published("jmed.{NAME}", "one-line rate", "rate", "{MEANING}.")'
    insert(protocols, f'    "{NAME}": {record},', before='"exact_match": Published(')
    text = protocols.read_text(encoding="utf-8")
    listed = '_LETTERS = ("acc_lenient", "acc", "extracted"'
    assert text.count(listed) == 1
    protocols.write_text(text.replace(listed, f'{listed}, "{NAME}"'), encoding="utf-8")
    insert(
        plugin / "tasks" / "_base_yaml",
        f"  - {{metric: {NAME}, aggregation: mean, higher_is_better: true}}",
        after="{metric: extracted,",
    )
    for language, meaning in (("en", MEANING), ("ja", "応答が 1 行である割合")):
        insert(plugin / "words" / f"{language}.yaml", f"    {NAME}: {meaning}", after="extracted: ")


def test_a_metric_is_three_files_and_its_words(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    before = digests(checkout)
    add_metric(checkout / PLUGIN)
    by_hand = changed(before, digests(checkout))
    assert by_hand == {
        f"{PLUGIN}/scoring/metrics.py", f"{PLUGIN}/protocols.py", f"{PLUGIN}/tasks/_base_yaml",
        f"{PLUGIN}/words/en.yaml", f"{PLUGIN}/words/ja.yaml",
    }  # fmt: skip
    run(checkout, "tests.docs_tables", "--fast")
    printed = {"docs/protocols.md", "docs/ja/score.md"}
    assert changed(before, digests(checkout)) - by_hand == printed
    run(checkout, "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    shown_of_new_results_alone(checkout)


def shown_of_new_results_alone(checkout: Path) -> None:
    """Measured by a real lm_eval run, beside results that an earlier jmed wrote."""
    jmed = (checkout, f"{PLUGIN}.cli")
    old = "tests/recorded/old_results/printed"
    run(
        checkout, "tests.e2e.oracle", "--model", "oracle", "--include_path", f"{PLUGIN}/tasks",
        "--tasks", "jmed_sample_letters", "--limit", "6", "--output_path", "new", "--log_samples",
    )  # fmt: skip
    (file,) = (checkout / "new").rglob("results_*.json")
    measured = json.loads(file.read_text(encoding="utf-8"))["results"]["jmed_sample_letters"]
    assert measured[f"{NAME},none"] == 1.0
    for results, shown in (("new", True), (old, False)):
        run(*jmed, "report", results, "-o", f"{shown}.html", "--lang", "en")
        page = (checkout / f"{shown}.html").read_text(encoding="utf-8")
        assert (MEANING in page, f">{NAME}<" in page) == (shown, shown)
        assert "only 6 of 116 docs" in run(*jmed, "leaderboard", results, "--lang", "en")
        judged = json.loads(run(*jmed, "verdict", results, "--json"))
        assert all(one["verdicts"][0]["answered"] == 6 for one in judged)
    compared = run(*jmed, "compare", old, "new", "--lang", "en")
    assert f"metrics of one run alone: {NAME}" in compared
    assert "100.0" in compared

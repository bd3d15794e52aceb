"""What the layers in setup.cfg cannot say of imports."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    code = "import sys, lm_eval_tasks.cli.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not set(done.stdout.split()) & {"torch", "transformers", "datasets", "lm_eval", "numpy"}


def test_no_reader_of_ours_runs_what_it_reads() -> None:
    """Names that unpickle or evaluate; YAML goes through yaml_file.py, or is the package's own."""
    for package in ("lm_eval_tasks", "trainer"):
        for file in (ROOT / package).rglob("*.py"):
            calls, modules = used(ast.parse(file.read_text(encoding="utf-8")))
            assert not calls & {"torch.load", "eval", "exec", "yaml.unsafe_load"}, file
            assert not {name.split(".")[0] for name in modules} & {"pickle", "joblib"}, file


def used(tree: ast.AST) -> tuple[set[str], set[str]]:
    """What is called by its name, and what is imported."""
    calls: set[str] = set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            calls.add(ast.unparse(node.func))
        elif isinstance(node, ast.Import):
            modules |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return calls, modules

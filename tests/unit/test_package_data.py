"""Every data file of the plugin goes into the wheel."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_file_that_is_no_module_is_named_in_setup_cfg() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    globs = config["options.package_data"]["lm_eval_tasks"].split()
    package = ROOT / "lm_eval_tasks"
    packed = {file for glob in globs for file in package.glob(glob)}
    there = {file for file in package.rglob("*") if file.is_file()}
    modules = {file for file in there if file.suffix in {".py", ".pyc"}}
    assert sorted(there - modules - packed) == []

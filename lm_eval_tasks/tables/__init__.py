"""Results as a terminal, Markdown or HTML shows them."""

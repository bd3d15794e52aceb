"""Model classes for lm-eval; the only folder of the plugin that imports torch."""

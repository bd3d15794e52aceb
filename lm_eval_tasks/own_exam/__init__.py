"""A sheet of an exam of your own -> a folder that lm_eval runs."""

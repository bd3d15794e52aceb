"""An exam's card and published files -> questions."""

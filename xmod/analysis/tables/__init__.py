"""Tables: declared in config/figures.yaml, rendered as Markdown, LaTeX and CSV."""

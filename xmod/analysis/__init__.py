"""From score files to one tidy table, figures and tables. Reads files only; never imports torch."""

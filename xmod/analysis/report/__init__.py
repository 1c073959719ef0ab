"""One self-contained page about a run: its state, figures, tables, claims, costs and origin.

Reads files only, and shows what there is at the moment: also half-way through a run.
"""

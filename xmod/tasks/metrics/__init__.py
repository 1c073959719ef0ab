"""The tasks' metrics, each as its official script computes it; in percent, with their counts.

Each module has a `score_...` that takes the examples, and the predictions by the examples' ids.
"""

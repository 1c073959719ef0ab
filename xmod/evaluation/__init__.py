"""Evaluation: what trained models are measured by."""

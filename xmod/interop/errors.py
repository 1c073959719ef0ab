"""What is said of a model of another library that is not what was expected."""

from __future__ import annotations


class ForeignModelError(ValueError):
    """A file is not the model that was expected; the message says what it is."""

"""X-MOD: pre-training modular transformers, the paper's experiment grid as one pipeline."""

__version__ = "0.1.0"

"""Models of fairseq and of transformers, both ways; neither is imported."""

"""Text: where it comes from, how it is cleaned and split, and how it reaches the model."""

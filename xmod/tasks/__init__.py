"""The tasks that a pre-trained cell is fine-tuned on and evaluated in, zero-shot (section 4.3)."""

"""What a run does now: its stages, cells and jobs at work, read off files."""

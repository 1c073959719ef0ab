"""Engines: who trains a cell. `torch` is xmod.training; here is what it takes to use another."""

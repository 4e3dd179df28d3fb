"""Data-driven attribution: weights of channels that are learned from converting and non-converting paths.

Pure and deterministic: arrays in, figures out. Only `published` is needed where weights are applied, and it is free of
numpy, so that a worker need not load it.
"""

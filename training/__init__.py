"""Labelled images to weights: `python -m training ...`.

Flow: datasets -> augment -> recipes (what is learned) on engine (how) -> metrics.
The engine knows nothing of faces; a recipe knows nothing of files.
"""

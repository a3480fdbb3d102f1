"""Boxes in, identities out: trackers know neither pixels nor files."""

"""What the product is worth, measured: ``python -m benchmarks --help``.

Each benchmark writes ``results/<name>.json``, and the README's tables are made from these files.
"""

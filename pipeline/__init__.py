"""A folder of videos in, face tracks and their best crops out.

The stages, in the order in which data flows through them: discover, decode, scan, link, select,
render, publish, catalog, report. Each is one module; :mod:`pipeline.run` puts them together for
one video, :mod:`pipeline.batch` for many.
"""

__version__ = "0.1.0"

"""A folder of videos in, face tracks and their best crops out.

    from pipeline import Settings, process_batch, process_video

The stages, in the order in which data flows through them: discover, decode, scan, link, select,
render, publish, catalog, report. Each is one module; :mod:`pipeline.run` puts them together.
"""

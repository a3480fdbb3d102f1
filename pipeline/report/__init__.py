"""Pages to look at: ``index.html`` over all videos, and one in the folder of each result.

The pages stand alone: no network, no fonts or scripts of others; they open from disk. Names of
files are hostile until proven otherwise: the templates escape everything, links are
percent-encoded, and a content security policy lets no script run but the page's own. Nothing in a
page depends on when or where it was made.
"""

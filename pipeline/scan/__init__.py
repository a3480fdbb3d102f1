"""Stage 3, frames -> detections and cut scores: the first pass.

detect       goes through a video
divided      goes through it in several stretches side by side
notes        gathers what was seen
faces        looks for faces beside the decoding
measure      how sharp, bright and rich in contrast a face is
camera       how the camera moves the scene
cuts         where the picture becomes another one
rows         columns that grow
scanfile     what was seen, kept for later runs
"""

from pipeline.scan.detect import scan
from pipeline.scan.divided import scan_divided
from pipeline.scan.faces import MAX_ENLARGEMENT, network_size

__all__ = ["MAX_ENLARGEMENT", "network_size", "scan", "scan_divided"]

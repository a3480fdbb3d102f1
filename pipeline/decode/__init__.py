"""Stage 2, source -> stream of frames: whatever lies in an archive, opened with care.

container    what is opened, and how; which stream is chosen
playback     one pass through it, packet by packet
seek         a pass through chosen frames and little else
stretch      a pass in several stretches side by side
clock        times that always advance
account      what was lost on the way
deinterlace, picture, colour, hdr
             a decoded picture becomes upright, square-pixelled and of standard colours
video        all of that behind one door
"""

from pipeline.decode.stretch import Indivisible, Stretch
from pipeline.decode.video import Sound, Video, open_video

__all__ = ["Indivisible", "Sound", "Stretch", "Video", "open_video"]

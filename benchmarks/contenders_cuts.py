"""PySceneDetect's cuts, in an environment of its own: ``contenders_cuts.py '{"name": "path"}'``.

Prints a line of JSON: detector -> name -> first frames of shots, 0 left out. Defaults throughout,
apart from the shortest scene, which is 5 frames for all.
"""

# mypy: ignore-errors
# Its packages are not installed where the types are checked.

import json
import sys

from scenedetect import AdaptiveDetector, ContentDetector, detect

DETECTORS = {
    "PySceneDetect content": lambda: ContentDetector(min_scene_len=5),
    "PySceneDetect adaptive": lambda: AdaptiveDetector(min_scene_len=5),
}

if __name__ == "__main__":
    found = {}
    for detector, make in DETECTORS.items():
        found[detector] = {
            name: [begin.frame_num for begin, _ in detect(path, make())[1:]]
            for name, path in json.loads(sys.argv[1]).items()
        }
    print(json.dumps(found))

"""Find every face in a folder of videos: ``python start.py ./media``."""

import sys

if __name__ == "__main__":
    try:
        from pipeline.cli import main

        main()
    except ModuleNotFoundError as error:
        missing = f"the package {error.name} is not installed for this Python"
        sys.stderr.write(f"facepics: {missing}: run `make run` once, then .venv/bin/python\n")
        sys.exit(2)

"""Find every face in a folder of videos: ``python start.py ./media``."""

from pipeline.cli import main

if __name__ == "__main__":
    main()

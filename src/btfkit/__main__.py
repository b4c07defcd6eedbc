"""``python -m btfkit``: the command."""

import sys

from btfkit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

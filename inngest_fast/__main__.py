"""`python -m inngest_fast`: the same as the console script."""

import sys

from inngest_fast.cli import main

if __name__ == "__main__":
    sys.exit(main())

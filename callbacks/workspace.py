"""``python -m callbacks.workspace ENTITY/PROJECT``: see ``callbacks.tracking.workspace``."""

import sys

from callbacks.tracking.workspace import main

if __name__ == "__main__":
    main(sys.argv[1:])

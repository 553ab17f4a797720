"""Everything that imports torch: loading, training, scoring and exporting models."""

import logging

# Its hints at import time (a faster CPU kernel could be fetched from a hub) are not for users.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

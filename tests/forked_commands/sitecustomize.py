"""Has the commands forked that a screen in a terminal starts; see `forking.OF_SCREENS`."""

import forking

from storage import interpreter

interpreter.start = forking.start

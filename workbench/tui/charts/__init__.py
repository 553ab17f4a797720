"""Curves as lines of characters: pure functions, which know neither runs nor the screen."""

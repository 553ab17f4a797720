"""Kinds of tweets on which something happens more often than elsewhere."""

"""Figures with their intervals: of a run, of two runs, of annotators, of the course of a loss."""

"""What stands in cells and columns: texts, labels, codes, splits, and names of columns."""

"""Everything that imports torch: loading, training, scoring and exporting models."""

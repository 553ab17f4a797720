"""Records of other programs, one module for each: what they say becomes columns and judgements."""

"""Reading of short texts: a small network over words, classes of words and pieces of words."""

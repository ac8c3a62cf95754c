"""One file per change, numbered; never edited once it was released."""

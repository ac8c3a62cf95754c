"""One module per group of REST operations; `table` names them all."""

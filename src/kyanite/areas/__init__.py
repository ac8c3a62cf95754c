"""The product by subject; every area has the same rooms."""

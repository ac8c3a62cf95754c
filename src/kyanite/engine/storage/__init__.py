"""Places a repository can lie in, and wrappers around them."""

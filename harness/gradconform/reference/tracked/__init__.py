"""Arrays that carry more than a value through the reference: an error, or a proof of exactness."""

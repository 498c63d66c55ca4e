"""Rows to what people and tools read. A Summary is computed once; page, texts and terminal render it."""

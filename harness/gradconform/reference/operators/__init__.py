"""The operators, one file for each family; the folder is the list."""

"""The atlas: where the frameworks differ at the edges of each operator, measured, and of which kind each difference is.

`conditions` reads specs/atlas/, `lines` writes a program of a few lines for a condition, `measured` runs these programs
and holds what they print against the reference, `table` keeps the result in a file and shows it.
"""

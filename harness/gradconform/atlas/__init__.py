"""The atlas: where the frameworks differ at the edges of each operator, measured, and of which kind each difference is.

`conditions` and `differences` read specs/atlas/, `lines` writes a program of a few lines for a condition, `measured`
runs these programs and holds what they print against the reference, `verdict` says what is new and what vanished, and
`table` and `page` are the result as rows, as a file and as text.
"""

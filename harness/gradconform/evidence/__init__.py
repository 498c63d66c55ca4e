"""What stands behind a row that diverges: how the errors are spread, and a script that shows it."""

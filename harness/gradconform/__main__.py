"""`python -m gradconform` is the command `gradconform`."""

from gradconform.command.main import main

if __name__ == "__main__":
    main(prog_name="gradconform")

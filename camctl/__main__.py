"""`python -m camctl` is the command `camctl`."""

from camctl.cli import main

if __name__ == "__main__":
    main()

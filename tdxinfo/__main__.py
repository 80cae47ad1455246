"""`python -m tdxinfo` is the same as `tdxinfo`."""

from tdxinfo.cli import main

if __name__ == "__main__":
    main()

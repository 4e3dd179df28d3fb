"""`python -m deploy.cli`, for where the console script is not on the PATH."""

from deploy.cli import main

if __name__ == "__main__":
    main()

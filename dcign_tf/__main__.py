"""`python -m dcign_tf`: what the console script `dcign-tf` does."""

from dcign_tf.cli.main import main

if __name__ == "__main__":
    main()

"""What `--from` and `fleet` are given, into machines and reports."""

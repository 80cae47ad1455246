"""tdxinfo: what a Linux host knows about its Intel TDX module."""

__version__ = "0.1.0"

"""Programs that compare tdxinfo's tables with what its vendors published. Each is given paths."""

"""fercnn."""

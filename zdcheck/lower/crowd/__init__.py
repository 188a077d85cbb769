"""One followed thread of each open family, and all others as a crowd: one system for all sizes."""

"""Which schedules are tried, and how a failing one is made small."""

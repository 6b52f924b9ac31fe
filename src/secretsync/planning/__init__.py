"""From the files to a plan: what is asked of which store."""

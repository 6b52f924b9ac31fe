"""Request secrets from stores: open the providers, ask within a deadline, record what was asked."""

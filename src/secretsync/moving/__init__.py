"""Move secrets into stores: `set` and `import`."""

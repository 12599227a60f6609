"""Pictures out: heatmaps, overlays, contact sheets, files and the terminal. Knows no torch."""

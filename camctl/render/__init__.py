"""Pictures: heatmaps, overlays, figures, reports and the terminal. Knows no torch."""

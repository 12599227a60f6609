"""A page of rectangles, pictures and text, painted in pixels, as SVG or as PDF."""

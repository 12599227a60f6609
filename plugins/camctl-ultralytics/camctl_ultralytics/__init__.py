"""ultralytics' classifiers and detectors in camctl."""

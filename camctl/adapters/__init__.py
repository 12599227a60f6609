"""What is known of the families: CNN, ViT, Swin, T2T."""

"""What all tests share. Being here also puts the checkout first on the path, before anybody else's `tests`."""

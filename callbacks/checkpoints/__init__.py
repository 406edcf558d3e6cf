"""How a training is kept, and how it goes on."""

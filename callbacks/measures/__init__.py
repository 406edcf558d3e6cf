"""What is measured of counterfactuals while they are found."""

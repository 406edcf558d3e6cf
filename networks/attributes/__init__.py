"""What is known of an image besides its class: there or not, or measured."""

from networks.attributes.units import AttributeUnits, is_binary

__all__ = ["AttributeUnits", "is_binary"]

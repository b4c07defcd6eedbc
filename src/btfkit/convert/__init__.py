"""Objects from one form to another; types to what a kernel knows."""

from btfkit.convert.forms import Target, convert, upgrade

__all__ = ["Target", "convert", "upgrade"]

"""Complex numbers as pairs of Python integers, scaled by 2**bits: no library, no rounding but >>.

Used by the other programs of this folder, which make the expected numbers of the tests.
"""
from fractions import Fraction

ESCAPE_NORM = 65536


def fixed(text, bits):
    """A decimal text, rounded down to 2**-bits."""
    value = Fraction(text) * (1 << bits)
    return value.numerator // value.denominator


def decimal(value, bits, digits):
    """`value` / 2**bits with this many decimal places."""
    scaled = (value * 10**digits * 2 + (1 << bits)) >> (bits + 1)
    sign, text = ("-", str(-scaled)) if scaled < 0 else ("", str(scaled))
    text = text.rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def step(x, y, cx, cy, bits):
    """z**2 + c."""
    xx, yy, ss = x * x, y * y, (x + y) * (x + y)
    return ((xx - yy) >> bits) + cx, ((ss - xx - yy) >> bits) + cy


def count(x, y, cx, cy, bits, max_iter):
    """The smallest n with |z_n| > 256, or None. Sizes of intermediate numbers grow with `bits`."""
    limit = ESCAPE_NORM << (2 * bits)
    edge = 256 << bits
    for n in range(1, max_iter + 1):
        x, y = step(x, y, cx, cy, bits)
        # The norm is only needed near the radius.
        if abs(x) + abs(y) > edge and x * x + y * y > limit:
            return n
    return None

"""Writes the centres of the deep views of views.py: `python3 centres.py > centres.txt`, ten minutes.

One line for each: a name, log10 of the size of the copy of the Mandelbrot set around it, its period, re, im.
Copies inside the decorations of copies ("dive"), and copies beside preperiodic points ("near"),
which are small and have short periods.
"""
import cmath
import random
import sys

from fixed import decimal, fixed
from nuclei import copy_size_log2, log2_size, newton, orbit_with_derivative

PER_DIGIT = 3.321928094887362


def show(name, period, nucleus, bits, size):
    digits = int(-size / PER_DIGIT) + 12
    re, im = (decimal(part, bits, digits) for part in nucleus)
    print(name, f"{size / PER_DIGIT:.1f}", period, re, im, flush=True)


def copy_in(cx, cy, bits, radius, period_above, size_below):
    """The copy of least period in a disc of radius 2**radius: (period, nucleus, its bits, size)."""
    used = min(int(-radius * 2.6) + 400, bits)
    cx, cy = cx >> (bits - used), cy >> (bits - used)
    period = orbit_with_derivative(cx, cy, used, 12_000, radius)
    if not period or period <= period_above:
        return None
    nucleus = newton(cx, cy, used, period)
    if not nucleus or log2_size(nucleus[0] - cx, nucleus[1] - cy) - used > radius + 3:
        return None
    size = copy_size_log2(*nucleus, used, period)
    return (period, nucleus, used, size) if size and size < size_below else None


def dive(seed, digits):
    """Copies in the decorations of copies, each found near the last."""
    rng = random.Random(seed)
    bits = int(digits * PER_DIGIT * 1.9) + 500
    base = fixed("-0.7463", bits), fixed("0.1102", bits)
    period, size, place, radius = 0, 0.0, base, -9.0
    for _ in range(400):
        found = copy_in(*place, bits, radius, period, size - 3)
        if found:
            period, nucleus, used, size = found
            base = tuple(part << (bits - used) for part in nucleus)
            show(f"dive{seed}", period, nucleus, used, size)
            if -size / PER_DIGIT > digits:
                return
        away = size * rng.uniform(0.6, 0.85) if period else -9.0
        turn = cmath.exp(1j * rng.uniform(0, 6.28))
        shift = bits + int(away) - 50
        place = tuple(b + (int(t * 2**50) << shift) for b, t in zip(base, (turn.real, turn.imag)))
        radius = away - rng.uniform(2, 9)


def near(name, re, im, digits):
    """The copy of least period within 10**-digits of a preperiodic point."""
    bits = int(digits * PER_DIGIT * 2.6) + 400
    found = copy_in(fixed(re, bits), fixed(im, bits), bits, -digits * PER_DIGIT, 0, 0)
    if found:
        show(name, *found)


if __name__ == "__main__":
    for digits in (12, 60, 150, 267, 400, 480, 500):
        near("tip", "-2", "0", digits)
        near("i", "0", "1", digits)
    for seed in map(int, sys.argv[1:] or ("2", "3", "4")):
        dive(seed, 110)

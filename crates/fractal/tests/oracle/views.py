"""Writes the counts that the tests compare with: `python3 views.py < centres.txt > ../deep_counts.txt`.

Every count comes from iterating z**2 + c for that one point, with whole numbers of Python, in more
than twice the binary places that the point's coordinates need. Lines:

    point FORMULA RE IM C_RE C_IM MAX_ITER COUNT            - is "does not escape"
    view FORMULA RE IM ZOOM C_RE C_IM MAX_ITER WIDTH HEIGHT
    pixel I J COUNT                                         of the view before
"""
import random
import sys
from fractions import Fraction
from math import isqrt

from fixed import count, decimal, fixed

PER_DIGIT = 3.321928094887362
WIDTH, HEIGHT = 80, 60
SAMPLES = 20


def of_point(formula, re, im, c_re, c_im, bits, max_iter):
    re, im, c_re, c_im = (fixed(number, bits) for number in (re, im, c_re, c_im))
    if formula == "julia":
        return count(re, im, c_re, c_im, bits, max_iter)
    return count(0, 0, re, im, bits, max_iter)


def points(rng):
    """Near the border of the set, where counts are large, and on both sides of it."""
    made = 0
    while made < 240:
        formula = rng.choice(["mandelbrot", "mandelbrot", "julia"])
        digits = rng.choice([3, 6, 10, 15, 17, 25, 40])
        number = lambda low, high: f"{rng.uniform(low, high):.17f}"[: digits + 3] + "".join(
            rng.choice("0123456789") for _ in range(digits - 17))
        re, im, c_re, c_im = number(-2, 0.6), number(-1.2, 1.2), "0", "0"
        if formula == "julia":
            c_re, c_im = number(-1.4, 0.3), number(-0.8, 0.8)
        # An orbit magnifies by less than 2**3 at each step.
        n = of_point(formula, re, im, c_re, c_im, 3_400, 1_000)
        if n is not None and n < 12 or n is None and rng.random() < 0.7:
            continue
        print("point", formula, re, im, c_re, c_im, 1_000, n or "-")
        made += 1


def view(rng, formula, re, im, zoom, max_iter, c=("0", "0")):
    pitch = Fraction(4) / (Fraction(zoom) * WIDTH)
    bits = int((Fraction(zoom) * WIDTH).numerator.bit_length() * 2.2) + 400
    chosen = [(0, 0), (WIDTH - 1, HEIGHT - 1), (WIDTH // 2, HEIGHT // 2)]
    while len(chosen) < SAMPLES:
        chosen.append((rng.randrange(WIDTH), rng.randrange(HEIGHT)))
    counts = []
    for i, j in chosen:
        x = Fraction(re) + (i + Fraction(1, 2) - Fraction(WIDTH, 2)) * pitch
        y = Fraction(im) - (j + Fraction(1, 2) - Fraction(HEIGHT, 2)) * pitch
        n = of_point(formula, x, y, *c, bits, max_iter)
        counts.append(n or "-")
    # A view in which all points are alike says little.
    if len(set(counts)) > 1:
        print("view", formula, re, im, zoom, *c, max_iter, WIDTH, HEIGHT)
        for (i, j), n in zip(chosen, counts):
            print("pixel", i, j, n, flush=True)


def power(exponent, factor="1"):
    """factor * 10**exponent as text, for any exponent."""
    return f"{factor}e{int(exponent)}"


def mandelbrot_views(rng, centres):
    for at, line in enumerate(centres):
        _, size, period, re, im = line.split()
        size, max_iter = float(size), int(period) * 10 + 1_000
        if size > -12:
            continue
        # The copy itself, the decorations around it, and a place at its edge.
        kind = at % 3
        if kind == 0:
            view(rng, "mandelbrot", re, im, power(-size, rng.choice("12")), max_iter)
        elif kind == 1:
            view(rng, "mandelbrot", re, im, power(-size * rng.uniform(0.6, 0.85)), max_iter)
        else:
            bits = int(-size * PER_DIGIT) + 200
            turn = fixed(decimal(1, int(-size * PER_DIGIT), int(-size) + 12), bits)
            x, y = fixed(re, bits) - turn * 3 // 4, fixed(im, bits) + turn // 50
            places = int(-size) + 30
            x, y = decimal(x, bits, places), decimal(y, bits, places)
            view(rng, "mandelbrot", x, y, power(-size + 8), max_iter)


def preperiodic_views(rng):
    for exponent in (14, 20, 90, 300, 310, 640, 1000):
        view(rng, "mandelbrot", "0", "1", power(exponent), 6_000)
    for exponent in (50, 500):
        view(rng, "mandelbrot", "-2", "0", power(exponent), 6_000)


def julia_views(rng):
    """Around 0, which every path that passes it squares, and around a fixed point that repels."""
    cs = [("0", "1"), ("0", "1"), ("-2", "0")]
    for c, exponent in zip(cs, (20, 150, 60)):
        view(rng, "julia", "0", "0", power(exponent), 4_000, c)
    for exponent in (30, 320):
        # (1 + sqrt(1 - 4 c)) / 2 for c = -3/4 - 1/10: sqrt(4.4).
        bits = int(exponent * PER_DIGIT) + 100
        root = isqrt((44 << (2 * bits)) // 10)
        fixpoint = decimal(((1 << bits) + root) // 2, bits, exponent + 12)
        view(rng, "julia", fixpoint, "0", power(exponent), 4_000, ("-0.85", "0"))


if __name__ == "__main__":
    rng = random.Random(1)
    print("# Written by oracle/views.py.")
    points(rng)
    preperiodic_views(rng)
    julia_views(rng)
    mandelbrot_views(rng, sys.stdin.read().splitlines())

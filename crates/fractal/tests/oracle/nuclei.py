"""Finds centres of small copies of the Mandelbrot set at any depth: places worth a deep view.

A disc holds the centre of a copy of period p when p is the first n at which |z_n| <= r |dz_n/dc|;
Newton's method then finds it. Floats are enough for the choice, integers of fixed.py for the rest.
"""
from fixed import fixed, decimal  # noqa: F401
from math import frexp, ldexp, log2


def log2_size(x, y):
    n = max(abs(x), abs(y))
    if n == 0:
        return -1e18
    k = n.bit_length()
    s = max(k - 60, 0)
    return s + log2(float((x >> s) ** 2 + (y >> s) ** 2)) / 2


def mul(ax, ay, bx, by, bits):
    return (ax * bx - ay * by) >> bits, (ax * by + ay * bx) >> bits


def orbit_with_derivative(cx, cy, bits, steps, radius_log2=None, dbits=120):
    """(z, dz) after `steps`, or the first n with |z_n| <= r |dz_n| if a radius is given.

    The derivative is kept as a float pair with an exponent.
    """
    x = y = 0
    dx, dy, e = 0.0, 0.0, 0
    one = 1 << bits
    for n in range(1, steps + 1):
        if abs(x) + abs(y) > 1000 * one:
            return None
        fx, fy = x / one, y / one
        ndx = 2 * (fx * dx - fy * dy)
        ndy = 2 * (fx * dy + fy * dx)
        add = 2.0 ** -e if e < 1000 else 0.0
        dx, dy = ndx + add, ndy
        m = max(abs(dx), abs(dy))
        while m > 1e100:
            dx, dy, e, m = dx * 2.0**-300, dy * 2.0**-300, e + 300, m * 2.0**-300
        xx, yy, ss = x * x, y * y, (x + y) * (x + y)
        x, y = ((xx - yy) >> bits) + cx, ((ss - xx - yy) >> bits) + cy
        if radius_log2 is not None:
            lz = log2_size(x, y) - bits
            ld = log2((dx * dx + dy * dy) ** 0.5) + e if (dx or dy) else -1e18
            if lz <= radius_log2 + ld:
                return n
            if lz > 3:
                return None
    if radius_log2 is not None:
        return None
    return x, y, dx, dy, e


def newton(cx, cy, bits, period, tries=40):
    """The nucleus near c: linear convergence of the derivative's precision, 50 bits a turn."""
    last = None
    for _ in range(tries * 4):
        state = orbit_with_derivative(cx, cy, bits, period)
        if state is None:
            return None
        x, y, dx, dy, e = state
        shift = frexp(max(abs(dx), abs(dy)))[1]
        dx, dy, e = ldexp(dx, -shift), ldexp(dy, -shift), e + shift
        d2 = dx * dx + dy * dy
        # (x + iy) / (dx + i dy) with 60-bit numerators.
        ix, iy = int(dx / d2 * 2**80), int(-dy / d2 * 2**80)
        sx, sy = (x * ix - y * iy), (x * iy + y * ix)
        shift = 80 + e
        sx, sy = (sx >> shift, sy >> shift) if shift >= 0 else (sx << -shift, sy << -shift)
        cx, cy = cx - sx, cy - sy
        size = max(abs(sx), abs(sy)).bit_length()
        if size <= 2 or (last is not None and size >= last and size < 8):
            return cx, cy
        last = size
    return None


def copy_size_log2(cx, cy, bits, period):
    """log2 of the size of the copy: 1 / |beta lambda**2|."""
    one = 1 << bits
    x, y = 0, 0
    lx, ly, le = 1.0, 0.0, 0
    bx, by = 1.0, 0.0
    for _ in range(1, period):
        x, y = ((x * x - y * y) >> bits) + cx, ((2 * x * y) >> bits) + cy
        fx, fy = x / one, y / one
        lx, ly = 2 * (fx * lx - fy * ly), 2 * (fx * ly + fy * lx)
        d = lx * lx + ly * ly
        if d == 0:
            return None
        if le < 400 and d > 0:
            bx, by = bx + lx / d * 2.0**-le, by - ly / d * 2.0**-le
        if d > 1e200:
            lx, ly, le = lx * 2.0**-300, ly * 2.0**-300, le + 300
    return -(2 * (log2(lx * lx + ly * ly) / 2 + le) + log2(bx * bx + by * by) / 2)

// QR codes: as another encoder (python-qrcode 8) makes them with the same mask, and correct in themselves.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { QR_BYTES_MAX, checksOf, qrOf } from './qr.js';

const JOB = 'https://millefeuille.example/#job=0123456789abcdef0123456789abcdef';
const drawn = (/** @type {string} */ text) =>
  createHash('sha256').update((qrOf(text) ?? []).map((row) => row.join('')).join('\n')).digest('hex').slice(0, 16);

test('codes are those of another encoder, module for module', () => {
  assert.equal(drawn('A'), 'bc9009ae87ca68f1');
  assert.equal(drawn(JOB), '0a62c8b76180ed69');
  assert.equal(drawn(`https://a.b/${'q'.repeat(100)}`), 'ba5481b445b30f2b');
  assert.equal(drawn('x'.repeat(QR_BYTES_MAX)), '21e02ceea8d235cf');
});

test('the version is the least that holds the text, and the longest text has none', () => {
  assert.equal(qrOf('x'.repeat(14))?.length, 21);
  assert.equal(qrOf('x'.repeat(15))?.length, 25);
  assert.equal(qrOf('x'.repeat(QR_BYTES_MAX))?.length, 53);
  assert.equal(qrOf('x'.repeat(QR_BYTES_MAX + 1)), null);
});

test('data and checks together have no remainder', () => {
  const data = [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17];
  const checks = checksOf(data, 10);
  assert.deepEqual(checks, [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]); // the standard's own example
  assert.ok(checksOf([...data, ...checks], 10).every((each) => each === 0));
});

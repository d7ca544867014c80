// What decides whether a tab works for others: its visitor first, then what the machine says.

import test from 'node:test';
import assert from 'node:assert/strict';
import { verdict } from './donor.js';

const CAUSES = { battery: true, hidden: true, metered: true, pressure: true };
const CALM = { battery: false, hidden: false, metered: false, pressure: false };
const CHOICES = { cores: 2, intensity: 80, causes: CAUSES };
const NOTHING = { until: 0, overruled: new Set() };

test('a calm machine works as its visitor chose', () => {
  assert.deepEqual(verdict(CHOICES, CALM, NOTHING, 5), { paused: false, intensity: 80, why: '', byItself: false });
});

test('each cause pauses with its reason, unless it may not or was overruled', () => {
  for (const [cause, word] of [['battery', 'battery'], ['hidden', 'hidden'], ['metered', 'metered']]) {
    const machine = { ...CALM, [cause]: true };
    const { paused, why, byItself } = verdict(CHOICES, machine, NOTHING, 5);
    assert.ok(paused && byItself && why.includes(word), why);
    assert.equal(verdict(CHOICES, machine, { until: 0, overruled: new Set([cause]) }, 5).paused, false);
    const tolerant = { ...CHOICES, causes: { ...CAUSES, [cause]: false } };
    assert.equal(verdict(tolerant, machine, NOTHING, 5).paused, false);
  }
});

test('a busy machine slows a tab and never stops it', () => {
  const slowed = verdict(CHOICES, { ...CALM, pressure: true }, NOTHING, 5);
  assert.equal(slowed.paused, false);
  assert.ok(slowed.intensity < 80 && slowed.byItself && slowed.why);
  const least = verdict({ ...CHOICES, intensity: 10 }, { ...CALM, pressure: true }, NOTHING, 5);
  assert.equal(least.intensity, 10);
});

test('a visitor\'s pause lasts as long as it was asked for', () => {
  const asked = { until: 100_000, overruled: new Set() };
  const paused = verdict(CHOICES, { ...CALM, battery: true }, asked, 99_999);
  assert.deepEqual([paused.paused, paused.byItself, paused.why], [true, false, 'Paused for 1 more minute.']);
  assert.equal(verdict(CHOICES, CALM, asked, 100_000).paused, false);
  assert.match(verdict(CHOICES, CALM, { until: Infinity, overruled: new Set() }, 1e15).why, /until you are back/);
});

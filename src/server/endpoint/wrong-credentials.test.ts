import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { WrongCredentials } from './wrong-credentials.ts'

const home = { address: '192.0.2.1', account: 'anna' }

test('after some wrong passwords each next one doubles the wait, up to some minutes; an hour later all is forgotten', () => {
  const clock = new SettableClock()
  const wrong = new WrongCredentials(clock)
  const waits: number[] = []
  for (let i = 0; i < 25; i++) {
    wrong.failed(home)
    const wait = wrong.wait(home)
    waits.push(wait)
    clock.pass(wait)
  }
  assert.deepEqual(waits.slice(0, 14), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1000, 2000, 4000, 8000])
  assert.equal(waits.at(-1), 300_000)
  clock.pass(60 * 60_000)
  wrong.failed(home)
  assert.equal(wrong.wait(home), 0)
})

test('an account is guarded against many addresses, and an address against many accounts', () => {
  const wrong = new WrongCredentials(new SettableClock())
  for (let i = 0; i < 11; i++) wrong.failed({ address: `198.51.100.${i}`, account: 'anna' })
  assert.ok(wrong.wait(home) > 0)
  assert.equal(wrong.wait({ ...home, account: 'bert' }), 0)
  for (let i = 0; i < 31; i++) wrong.failed({ address: '203.0.113.9', account: `guess ${i}` })
  assert.ok(wrong.wait({ address: '203.0.113.9', account: 'bert' }) > 0)
})

test('whoever has 64 bits of IPv6 addresses is one address', () => {
  const wrong = new WrongCredentials(new SettableClock())
  for (let i = 0; i < 31; i++) wrong.failed({ address: `2001:db8::1:${i.toString(16)}`, account: `guess ${i}` })
  assert.ok(wrong.wait({ address: '2001:db8:0:0:ffff::1', account: 'bert' }) > 0)
  assert.equal(wrong.wait({ address: '2001:db8:0:1::1', account: 'bert' }), 0)
})

test('nobody is locked out by others who guess, from elsewhere or beside it', () => {
  const wrong = new WrongCredentials(new SettableClock())
  wrong.succeeded(home)
  for (let i = 0; i < 100; i++) wrong.failed({ address: '198.51.100.7', account: 'anna' })
  for (let i = 0; i < 100; i++) wrong.failed({ address: home.address, account: `guess ${i}` })
  assert.equal(wrong.wait(home), 0)
  for (let i = 0; i < 11; i++) wrong.failed(home)
  assert.ok(wrong.wait(home) > 0, 'but its own guesses count')
})

test('what is remembered of attackers is bounded: the oldest are forgotten', () => {
  const wrong = new WrongCredentials(new SettableClock())
  for (let i = 0; i < 11; i++) wrong.failed(home)
  assert.ok(wrong.wait(home) > 0)
  for (let i = 0; i < 50_000; i++) {
    wrong.failed({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, account: `guess ${i}` })
  }
  assert.equal(wrong.wait(home), 0)
})

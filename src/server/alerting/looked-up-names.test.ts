import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { emptyAlertState, wayViews } from '../alerts/index.ts'
import { settingsOf } from '../alerts/testing.ts'
import { LookedUpNames } from './looked-up-names.ts'

const settings = settingsOf({
  channels: [{ id: 'mail', name: 'Mail', kind: 'email', host: 'relay.example', from: 'b@firm.example' }],
  people: [{ id: 'anna', name: 'Anna', ways: [{ channel: 'mail', address: 'anna@firm.example' }] }],
})

test('a way goes by the mail servers of the reader’s domain, and by the addresses of all its hosts', async () => {
  const asked: string[] = []
  let isDown = false
  const lookups = {
    mailHosts: async (domain: string) => {
      asked.push(`mail ${domain}`)
      if (isDown) throw new Error('no name server')
      return ['mx.firm.example']
    },
    addressesOf: async (host: string) => {
      asked.push(host)
      if (isDown || host === 'firm.example') throw new Error('no such name')
      return [host === 'mx.firm.example' ? '192.168.1.5' : '198.51.100.7']
    },
  }
  const clock = new SettableClock()
  const names = new LookedUpNames(clock, { lookups })
  await names.refresh(settings)
  const hosts = ['relay.example', 'mx.firm.example', 'firm.example', '198.51.100.7', '192.168.1.5']
  const seen = () => wayViews(settings, emptyAlertState(), names)[0]?.hosts
  assert.deepEqual(seen(), hosts)
  assert.equal(asked.length, 4)
  await names.refresh(settings)
  assert.equal(asked.length, 4, 'what is known is not asked again')
  clock.pass(7 * 60 * 60_000)
  isDown = true
  await names.refresh(settings)
  assert.equal(asked.length, 8)
  assert.deepEqual(seen(), hosts, 'what cannot be looked up is as it was')
})

test('a name server that does not answer holds up nobody for longer than is waited', async () => {
  const lookups = { mailHosts: () => new Promise<never>(() => undefined), addressesOf: async () => [] }
  const waiting = new SettableClock()
  const names = new LookedUpNames(new SettableClock(), { lookups, waiting })
  await names.refresh(settings)
  assert.deepEqual(names.mailHosts('firm.example'), [])
})

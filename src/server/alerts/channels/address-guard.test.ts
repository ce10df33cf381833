import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressGuard, isPrivate } from './address-guard.ts'

const refused = [
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '192.0.0.8',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001::1',
  '2001:db8::1',
  'no address',
]
const admitted = [
  '1.1.1.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.128.0.1',
  '192.167.1.1',
  '::ffff:1.1.1.1',
  '2606:4700:4700::1111',
  '2a00:1450::1',
]

for (const address of refused) {
  test(`${address} is no address of the public Internet`, () => assert.equal(isPrivate(address), true))
}
for (const address of admitted) {
  test(`${address} is an address of the public Internet`, () => assert.equal(isPrivate(address), false))
}

test('a private network that the administrator allowed is reached, its neighbour is not', async () => {
  const guard = new AddressGuard({ allowed: ['192.168.10.0/24', 'fd00::7'] })
  assert.deepEqual(await guard.addressesOf('192.168.10.5'), [{ address: '192.168.10.5', family: 4, isAllowed: true }])
  assert.deepEqual(await guard.addressesOf('[fd00::7]'), [{ address: 'fd00::7', family: 6, isAllowed: true }])
  await assert.rejects(guard.addressesOf('192.168.11.5'), { code: 'ALERT_ADDRESS_REFUSED' })
  await assert.rejects(guard.addressesOf('fd00::8'), { code: 'ALERT_ADDRESS_REFUSED' })
})

test('of a name that leads inside and outside, only what is outside is connected to', async () => {
  const guard = new AddressGuard({ resolve: async () => [{ address: '10.0.0.1' }, { address: '1.1.1.1' }] })
  assert.deepEqual(await guard.addressesOf('both.example'), [{ address: '1.1.1.1', family: 4, isAllowed: false }])
})

test('a name that is not known is a passing trouble', async () => {
  const unknown = Object.assign(new Error('no'), { code: 'ENOTFOUND' })
  const guard = new AddressGuard({ resolve: async () => Promise.reject(unknown) })
  await assert.rejects(guard.addressesOf('nowhere.example'), {
    code: 'ALERT_NAME_UNKNOWN',
    transient: true,
    message: 'The name nowhere.example is not known (ENOTFOUND).',
  })
})

test('what is no network is refused before anything is sent', () => {
  for (const network of [
    '',
    'lan',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0/8',
    'fd00::/129',
    'fe80::1%eth0',
    '10.0.0.0/8/8',
  ]) {
    assert.throws(() => new AddressGuard({ allowed: [network] }), { code: 'ALERT_NETWORK_INVALID' }, network)
  }
})

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { parseMasterKey, sealOverhead } from './crypto.ts'
import { checkKeyCost, deriveKey, keyCost } from './password.ts'
import { choosePrimitives } from './primitives.ts'

test(
  'a password opens the key file, and with it the config, that restic made',
  { skip: missing('restic') },
  async () => {
    await using folder = await tempFolder()
    const env = { RESTIC_PASSWORD: 'pässword with ünicode', RESTIC_REPOSITORY: folder.path }
    await runOk(peer('restic'), ['init', '--no-cache'], { env })
    const [name = ''] = readdirSync(folder.join('keys'))
    const file = JSON.parse(readFileSync(folder.join('keys', name), 'utf8')) as Record<'salt' | 'data', string> &
      typeof keyCost
    using primitives = choosePrimitives()
    const open = (key: Parameters<typeof primitives.createSealer>[0], sealed: Buffer): Buffer => {
      using sealer = primitives.createSealer(key)
      const out = Buffer.alloc(sealed.length - sealOverhead)
      sealer.open(sealed, out, 0)
      return out
    }
    const derived = await deriveKey(env.RESTIC_PASSWORD, Buffer.from(file.salt, 'base64'), file)
    const masterKey = parseMasterKey(open(derived, Buffer.from(file.data, 'base64')))
    const config = JSON.parse(open(masterKey, readFileSync(join(folder.path, 'config'))).toString()) as {
      version: number
    }
    assert.equal(config.version, 2)
  },
)

test('the cost of our own keys is accepted, absurd ones are refused before any work', async () => {
  checkKeyCost(keyCost)
  checkKeyCost({ N: 65536, r: 8, p: 16 })
  const absurd = [
    { N: 2 ** 30, r: 8, p: 1 },
    { N: 32768, r: 8, p: 100_000 },
    { N: 2, r: 2 ** 40, p: 1 },
    { N: 0, r: 8, p: 1 },
    { N: 1, r: 8, p: 1 },
    { N: 32767, r: 8, p: 1 },
    { N: 32768, r: 8, p: 0 },
    { N: 32768, r: -8, p: 1 },
    { N: 32768.5, r: 8, p: 1 },
    { N: Number.NaN, r: 8, p: 1 },
    { N: '32768' as unknown as number, r: 8, p: 1 },
  ]
  for (const cost of absurd) {
    assert.throws(() => checkKeyCost(cost), { code: 'KEY_COST_REFUSED' })
    await assert.rejects(deriveKey('x', Buffer.alloc(64), cost), { code: 'KEY_COST_REFUSED' })
  }
  await assert.rejects(deriveKey('x', Buffer.alloc(63), keyCost), { code: 'KEY_COST_REFUSED' })
})

import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { hasCode } from '#base'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { openSealer } from './sealer.ts'

test('what was sealed is read again after a new start, for the same purpose only', async () => {
  await using folder = await tempFolder()
  const path = folder.join('server.key')
  const sealed = (await openSealer(path, true)).seal('password of a', 'canary')
  const sealer = await openSealer(path, false)
  assert.equal(sealer.open('password of a', sealed), 'canary')
  assert.throws(
    () => sealer.open('password of b', sealed),
    (error) => hasCode(error, 'SECRET_DAMAGED'),
  )
})

test('a sealed value shows nothing, differs each time, and every change of it is noticed', async () => {
  await using folder = await tempFolder()
  const sealer = await openSealer(folder.join('server.key'), true)
  const sealed = sealer.seal('a', 'canary-canary-canary')
  assert.notEqual(sealed, sealer.seal('a', 'canary-canary-canary'))
  assert.ok(!Buffer.from(sealed.slice(3), 'base64url').includes('canary'))
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === 'A' ? 'Q' : 'A'
    const changed = `${sealed.slice(0, at)}${other}${sealed.slice(at + 1)}`
    // The last digit of base64 may hold bits that mean nothing.
    if (Buffer.from(changed.slice(3), 'base64url').equals(Buffer.from(sealed.slice(3), 'base64url')) && at >= 3)
      continue
    assert.throws(() => sealer.open('a', changed), `changed at ${at}`)
  }
  for (const short of ['', 'v1.', 'v1.AAAA', sealed.slice(0, 20)]) assert.throws(() => sealer.open('a', short))
})

test('a key that is missing, readable by others or not a key is refused, and never made anew unasked', async () => {
  await using folder = await tempFolder()
  const path = folder.join('server.key')
  await assert.rejects(openSealer(path, false), (error) => hasCode(error, 'SEALING_KEY_MISSING'))
  await openSealer(path, true)
  const before = await readFile(path, 'utf8')
  await openSealer(path, true)
  assert.equal(await readFile(path, 'utf8'), before)
  await chmod(path, 0o644)
  await assert.rejects(openSealer(path, false), (error) => hasCode(error, 'SEALING_KEY_INVALID'))
  await chmod(path, 0o600)
  await writeFile(path, 'not a key')
  await assert.rejects(openSealer(path, true), (error) => hasCode(error, 'SEALING_KEY_INVALID'))
})

test('keys for other purposes differ from each other and stay the same', async () => {
  await using folder = await tempFolder()
  const path = folder.join('server.key')
  const sealer = await openSealer(path, true)
  assert.notEqual(sealer.derive('sessions'), sealer.derive('search'))
  assert.equal(sealer.derive('sessions'), (await openSealer(path, false)).derive('sessions'))
})

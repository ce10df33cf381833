import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JumpingClock } from '../../test/helpers/jumping-clock.ts'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import { forgetSnapshots } from './forget.ts'
import { lockRepository } from './lock.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const ids = [
  await built.snapshot({ a: Buffer.from('1') }),
  await built.snapshot({ a: Buffer.from('2') }),
  await built.snapshot({ a: Buffer.from('3') }),
]
const whole = backend.keep()
const clock = new JumpingClock()

test('it forgets the snapshots that it is told, and no others', async () => {
  backend.bringBack(whole)
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  const forgotten: string[] = []
  await forgetSnapshots(repository, ids.slice(0, 2), { lock, mustLeave: 1, onForgotten: (id) => forgotten.push(id) })
  assert.deepEqual(backend.names('snapshot'), [ids[2]])
  assert.deepEqual(forgotten.toSorted(), ids.slice(0, 2).toSorted())
})

test('when fewer would be left than were to be kept, it forgets none', async () => {
  backend.bringBack(whole)
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  backend.files.delete(`snapshot/${ids[2]}`)
  const forget = forgetSnapshots(repository, ids.slice(0, 2), { lock, mustLeave: 1 })
  await assert.rejects(forget, { code: 'FORGET_REFUSED' })
  assert.equal(backend.names('snapshot').length, 2)
})

test('without its lock it forgets none', async () => {
  backend.bringBack(whole)
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  for (const name of backend.names('lock')) backend.files.delete(`lock/${name}`)
  await assert.rejects(forgetSnapshots(repository, ids, { lock, mustLeave: 0 }), { code: 'LOCK_LOST' })
  assert.equal(backend.names('snapshot').length, 3)
})

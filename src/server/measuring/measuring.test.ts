import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { measureDisks } from './measure-disks.ts'

const day = 86_400_000

test('how full the disk of the repositories is, is noted once where it is the server’s own disk too', async () => {
  await using server = await TestServer.open()
  const { services, clock } = server
  const { db } = services.store
  await mkdir(join(services.folder, 'repositories'), { recursive: true })
  await measureDisks({ ...services, storageFolder: join(services.folder, 'repositories') })
  const [size, ...others] = await db.selectFrom('sizes').selectAll().execute()
  assert.deepEqual([size?.subject, others], ['storage:disk of the repositories', []])
  assert.ok(size && size.bytes > 0 && size.capacity !== null && size.capacity > size.bytes)
  clock.pass(91 * day)
  await measureDisks(services)
  const subjects = (await db.selectFrom('sizes').select('subject').execute()).map(({ subject }) => subject)
  assert.equal(subjects.length, 1, 'what is older than three months is forgotten')
  assert.match(subjects[0] ?? '', /^storage:disk of /)
})

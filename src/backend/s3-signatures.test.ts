import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { s3Services, startS3Server } from '../../test/helpers/s3-server.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { parseLocation } from './location.ts'
import { S3Backend } from './s3.ts'

const bytes = randomBytes(1000)
const pack = fileOf('pack', bytes)

for (const { name, skip } of s3Services()) {
  test(`${name} refuses keys that it does not know, and secrets that do not belong to them`, { skip }, async () => {
    await using server = await startS3Server(name)
    const location = parseLocation(`s3:http://127.0.0.1:${server.port}/bucket/some/where`)
    assert.ok(location.scheme === 's3')
    await using good = new S3Backend(location, { env: server.env })
    await good.create()
    await good.write(pack, bytes)
    for (const [env, code] of [
      [{ ...server.env, AWS_ACCESS_KEY_ID: 'nobody' }, 'S3_KEY_UNKNOWN'],
      [{ ...server.env, AWS_SECRET_ACCESS_KEY: 'wrong' }, 'S3_SIGNATURE_REFUSED'],
    ] as const) {
      await using bad = new S3Backend(location, { env })
      await rejectsWith(code, bad.read(pack))
      await rejectsWith(code, listAll(bad, 'pack'))
      await rejectsWith(code, bad.write(fileOf('key', bytes), bytes))
    }
    await using nobody = new S3Backend(location, { env: {}, anonymous: true })
    await rejectsWith(['ACCESS_DENIED', 'STORAGE_FAILED'], nobody.read(pack)) // rclone calls it an unknown algorithm
    assert.deepEqual(await good.read(pack), bytes)
    assert.deepEqual(await listAll(good, 'key'), [])
  })
}

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { ScriptedS3Server } from '../../test/helpers/scripted-s3-server.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { parseLocation } from './location.ts'
import { RetryBackend } from './retry.ts'
import { S3Backend, type S3BackendOptions } from './s3.ts'

const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }
const bytes = randomBytes(1000)
const pack = fileOf('pack', bytes)
const packKey = `pre/fix/data/${pack.name.slice(0, 2)}/${pack.name}`

function open(server: ScriptedS3Server, options: S3BackendOptions = {}): S3Backend {
  const location = parseLocation(server.location)
  assert.ok(location.scheme === 's3')
  return new S3Backend(location, { env: keys, settleTime: 1, ...options })
}

/** A scripted server and a backend on it, for one test. */
async function scripted(options: S3BackendOptions = {}) {
  const server = await ScriptedS3Server.start()
  const backend = open(server, options)
  return {
    server,
    backend,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('what an S3 service says is told in words', () => {
  for (const [what, status, answer, code, transient] of [
    ['keys without the right', 403, 'AccessDenied', 'ACCESS_DENIED', false],
    ['a secret key that does not fit', 403, 'SignatureDoesNotMatch', 'S3_SIGNATURE_REFUSED', false],
    ['an access key that nobody knows', 403, 'InvalidAccessKeyId', 'S3_KEY_UNKNOWN', false],
    ['keys that have expired', 400, 'ExpiredToken', 'S3_CREDENTIALS_EXPIRED', false],
    ['no bucket', 404, 'NoSuchBucket', 'S3_BUCKET_MISSING', false],
    ['a file in an archive', 403, 'InvalidObjectState', 'S3_ARCHIVED', false],
    ['a quota', 403, 'QuotaExceeded', 'STORAGE_FULL', false],
    ['too much at once', 503, 'SlowDown', 'STORAGE_FAILED', true],
    ['a fault', 500, 'InternalError', 'STORAGE_FAILED', true],
    ['a request that cannot be', 400, 'InvalidRequest', 'STORAGE_FAILED', false],
  ] as const) {
    test(`${what}: ${code}, whatever is asked`, async () => {
      await using tested = await scripted()
      const { server, backend } = tested
      server.objects.set(packKey, bytes)
      server.misbehave = (_, response) => server.refuse(response, status, answer)
      for (const call of [() => backend.read(pack), () => listAll(backend, 'pack')]) {
        assert.equal((await rejectsWith(code, call())).transient, transient)
      }
      if (status === 403) await rejectsWith(code, backend.size(pack)) // the answer to HEAD has no words
    })
  }

  test('a wrong clock is called that, with how wrong it is, even where the service calls it something else', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.clockOffset = 37 * 60_000
    const date = () => ({ Date: new Date(Date.now() + server.clockOffset).toUTCString() })
    for (const answer of ['RequestTimeTooSkewed', 'AccessDenied', 'SignatureDoesNotMatch']) {
      server.misbehave = (_, response) => server.refuse(response, 403, answer, date())
      for (const call of [() => backend.read(pack), () => backend.size(pack)]) {
        const error = await rejectsWith('S3_CLOCK_WRONG', call())
        assert.match(error.message, /clock is 37 minutes behind the clock/)
        assert.equal(error.transient, false)
      }
    }
  })

  test('a service that is too busy says how long to wait', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.misbehave = (_, response) => server.refuse(response, 503, 'SlowDown', { 'Retry-After': '7' })
    const error = await rejectsWith('STORAGE_FAILED', backend.read(pack))
    assert.equal(error.details['retryAfter'], 7000)
  })

  test('an answer that is no XML is a passing fault', async () => {
    await using tested = await scripted()
    tested.server.misbehave = (_, response) => (response.writeHead(502).end('<html>Bad <gateway'), true)
    assert.equal((await rejectsWith('STORAGE_FAILED', tested.backend.read(pack))).transient, true)
    tested.server.misbehave = (_, response) => (response.writeHead(200).end('<ListBucketResult><Cont'), true)
    assert.equal((await rejectsWith('STORAGE_FAILED', listAll(tested.backend, 'pack'))).transient, true)
  })
})

test('the region is found out, unless one was given', async () => {
  await using tested = await scripted()
  const { server, backend } = tested
  server.objects.set(packKey, bytes)
  server.misbehave = ({ headers }, response) =>
    !headers.authorization?.includes('/eu-central-9/') &&
    server.refuse(response, 400, 'AuthorizationHeaderMalformed', { region: 'eu-central-9' })
  assert.deepEqual(await backend.read(pack), bytes)
  await using other = open(server, { region: 'us-west-1' })
  const error = await rejectsWith('S3_REGION_WRONG', other.read(pack))
  assert.match(error.message, /not lie in the region us-west-1, but in eu-central-9/)
})

describe('keys that are renewed while a backup runs', () => {
  const profile = (token: string) =>
    `[default]\naws_access_key_id = key-${token}\naws_secret_access_key = secret\naws_session_token = ${token}\n`

  test('those of the shared file are read again when they have expired, and the run goes on', async () => {
    await using folder = await tempFolder()
    const file = folder.join('credentials')
    await writeFile(file, profile('first'))
    await using tested = await scripted({
      env: { AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: folder.join('none') },
    })
    const { server, backend } = tested
    let valid = 'first'
    server.misbehave = ({ headers }, response) =>
      headers['x-amz-security-token'] !== valid && server.refuse(response, 400, 'ExpiredToken')
    await backend.write(pack, bytes)
    valid = 'second'
    const error = await rejectsWith('S3_CREDENTIALS_EXPIRED', backend.read(pack))
    assert.equal(error.transient, true, 'it is tried again, as any passing fault')
    await writeFile(file, profile('second'))
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => backend.read(pack))), [bytes, bytes, bytes])
  })

  test('a command that gives keys is asked again when they end', async () => {
    await using folder = await tempFolder()
    const config = folder.join('config')
    const answer = folder.join('answer')
    const give = (token: string, minutes: number) => {
      const Expiration = new Date(Date.now() + minutes * 60_000).toISOString()
      const given = { Version: 1, AccessKeyId: 'key', SecretAccessKey: 'secret', SessionToken: token, Expiration }
      return writeFile(answer, JSON.stringify(given))
    }
    await writeFile(config, `[default]\ncredential_process = cat ${answer}\n`)
    await give('first', 2) // ends soon: asked for again with every call
    const env = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: folder.join('none') }
    await using tested = await scripted({ env })
    await tested.backend.size(pack)
    await give('second', 60)
    await tested.backend.size(pack)
    const tokens = tested.server.requests.map(({ headers }) => headers['x-amz-security-token'])
    assert.deepEqual(tokens, ['first', 'second'])
  })

  test('half a pair of keys is an error that names the other half', async () => {
    await using tested = await scripted({ env: { AWS_ACCESS_KEY_ID: 'key' } })
    const error = await rejectsWith('S3_CREDENTIALS_MISSING', tested.backend.size(pack))
    assert.match(error.message, /AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not/)
  })

  test('nobody signs for a bucket that is open to all', async () => {
    await using tested = await scripted({ env: {}, anonymous: true })
    await tested.backend.size(pack)
    assert.equal(tested.server.requests[0]?.headers.authorization, undefined)
  })
})

describe('a service that lies is caught', () => {
  test('stored, it says, but nothing is there, or a part, or something else', async () => {
    for (const stored of [undefined, bytes.subarray(0, 10), randomBytes(1000)]) {
      await using tested = await scripted()
      const { server, backend } = tested
      server.misbehave = ({ method, key }, response) => {
        if (method !== 'PUT') return false
        if (stored) server.objects.set(key, stored)
        const md5 =
          '"' + Buffer.from(server.requests.at(-1)?.headers['content-md5'] as string, 'base64').toString('hex')
        response.writeHead(200, { ETag: `${md5}"` }).end()
        return true
      }
      assert.equal((await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))).transient, true)
      assert.equal(server.objects.size, 0, 'what is wrong is out of the way')
      server.misbehave = () => false
      await backend.write(pack, bytes)
    }
  })

  test('an answer that was lost is no failure when the file has arrived', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.misbehave = (request, response) => {
      if (request.method !== 'PUT') return false
      server.objects.set(request.key, request.body)
      response.destroy()
      return true
    }
    await backend.write(pack, bytes)
  })

  test('a whole file in answer to a range, a cut body, and a wrong range', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.objects.set(packKey, bytes)
    const range = { offset: 100, length: 50 }
    server.misbehave = (_, response) => (response.writeHead(200, { 'Content-Length': 1000 }).end(bytes), true)
    assert.deepEqual(await backend.read(pack, { range }), bytes.subarray(100, 150))
    server.misbehave = (_, response) => {
      response.writeHead(200, { 'Content-Length': 1000 }).write(bytes.subarray(0, 400))
      setTimeout(() => response.destroy(), 20)
      return true
    }
    assert.equal((await rejectsWith('STORAGE_FAILED', backend.read(pack))).transient, true)
    const wrong = { 'Content-Range': 'bytes 0-49/1000', 'Content-Length': 50 }
    server.misbehave = (_, response) => (response.writeHead(206, wrong).end(bytes.subarray(0, 50)), true)
    assert.equal((await rejectsWith('STORAGE_FAILED', backend.read(pack, { range }))).transient, true)
  })

  test('a listing of many pages is whole, by both calls; one in circles is refused; twins are one', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    const names = Array.from({ length: 25 }, () => randomBytes(32).toString('hex')).toSorted()
    for (const name of names) server.objects.set(`pre/fix/index/${name}`, bytes)
    server.pageSize = 10
    await using older = open(server, { listObjectsV1: true })
    for (const one of [backend, older]) {
      assert.deepEqual(
        (await listAll(one, 'index')).map(({ name }) => name),
        names,
      )
    }
    const [file] = await Array.fromAsync(backend.list('index'))
    assert.ok(Math.abs((file?.age ?? 0) - 60_000) < 2000, 'the age is by the clock of the service')
    const page = names.slice(0, 3).map((name) => `pre/fix/index/${name}`)
    server.misbehave = (_, response) => server.list(response, page, true)
    await rejectsWith('STORAGE_FAILED', listAll(backend, 'index'))
    server.misbehave = (_, response) => server.list(response, [...page, ...page], false)
    assert.equal((await listAll(backend, 'index')).length, 3)
  })
})

describe('files are written once', () => {
  test('where the service refuses to replace files, nobody looks before each upload', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    const lock = randomBytes(100)
    await backend.write(fileOf('lock', lock), lock)
    const before = server.calls.length
    await backend.write(pack, bytes)
    assert.deepEqual(server.calls.slice(before), [`PUT ${packKey}`, `HEAD ${packKey}`])
    await rejectsWith('FILE_EXISTS', backend.write(pack, randomBytes(1000)))
  })

  test('where it does not know the condition, it is left out, and a look comes first', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.misbehave = ({ headers }, response) =>
      headers['if-none-match'] !== undefined && server.refuse(response, 501, 'NotImplemented')
    await backend.write(pack, bytes)
    await rejectsWith('FILE_EXISTS', backend.write(pack, randomBytes(1000)))
    assert.deepEqual(server.objects.get(packKey), bytes)
  })

  test('of two that write a config where files are replaced, the one whose config is gone hears of it', async () => {
    await using tested = await scripted({ settleTime: 50 })
    const { server, backend } = tested
    server.conditions = false
    const config = { type: 'config', name: '' } as const
    const writing = backend.write(config, bytes)
    while (!server.objects.has('pre/fix/config')) await new Promise((resolve) => setTimeout(resolve, 1))
    server.objects.set('pre/fix/config', randomBytes(1000))
    await rejectsWith('FILE_EXISTS', writing)
  })
})

describe('large files go in parts', () => {
  const large = randomBytes(1 << 20)
  const file = fileOf('pack', large)

  test('a part that fails is sent again, alone', async () => {
    await using tested = await scripted({ partSize: 300 << 10 })
    const { server, backend } = tested
    let failures = 0
    server.misbehave = ({ query }, response) =>
      query.get('partNumber') === '2' && failures++ === 0 && server.refuse(response, 500, 'InternalError')
    await backend.write(file, large)
    assert.deepEqual(await backend.read(file), large)
    assert.equal(server.requests.filter(({ query }) => query.has('partNumber')).length, 5)
  })

  test('after a failure nothing is left, neither file nor parts', async () => {
    for (const failing of ['partNumber', 'complete']) {
      await using tested = await scripted({ partSize: 300 << 10 })
      const { server, backend } = tested
      server.misbehave = ({ method, query }, response) => {
        const isIt =
          failing === 'complete' ? method === 'POST' && query.has('uploadId') : query.get('partNumber') === '3'
        return isIt && server.refuse(response, 403, 'AccessDenied')
      }
      await rejectsWith('ACCESS_DENIED', backend.write(file, large))
      assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
    }
  })
})

describe('a bucket that holds on to its files', () => {
  test('a delete that is refused says until when', async () => {
    await using tested = await scripted()
    const { server, backend } = tested
    server.objects.set(packKey, bytes)
    const until = '2099-01-01T00:00:00Z'
    server.misbehave = ({ method }, response) => {
      if (method === 'DELETE') return server.refuse(response, 403, 'AccessDenied')
      if (method !== 'HEAD') return false
      const held = { 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': until }
      response.writeHead(200, { 'Content-Length': 1000, ...held }).end()
      return true
    }
    assert.match((await rejectsWith('S3_OBJECT_LOCKED', backend.delete(pack))).message, /until 2099-01-01/)
    server.misbehave = ({ method }, response) =>
      method === 'DELETE' &&
      server.refuse(response, 403, 'AccessDenied', {
        message: 'Access Denied because object protected by object lock.',
      })
    await rejectsWith('S3_OBJECT_LOCKED', backend.delete(pack))
    server.misbehave = ({ method }, response) => method === 'DELETE' && server.refuse(response, 403, 'AccessDenied')
    await rejectsWith('ACCESS_DENIED', backend.delete(pack))
  })

  test('a delete that only hides the file is told once, and not for locks', async () => {
    const notices: string[] = []
    await using tested = await scripted({ onNotice: (sentence) => notices.push(sentence) })
    const { server, backend } = tested
    server.versions = true
    for (const type of ['lock', 'pack', 'pack', 'index'] as const) {
      const content = randomBytes(10)
      await backend.write(fileOf(type, content), content)
      await backend.delete(fileOf(type, content))
      assert.equal(await backend.size(fileOf(type, content)), undefined)
    }
    assert.equal(notices.length, 1)
    assert.match(notices[0] ?? '', /keeps old versions/)
  })

  test('every upload carries the checksum that such a bucket demands', async () => {
    await using tested = await scripted({ partSize: 500 })
    const { server, backend } = tested
    server.misbehave = ({ method, headers }, response) =>
      method === 'PUT' && headers['content-md5'] === undefined && server.refuse(response, 400, 'InvalidRequest')
    await backend.write(pack, bytes)
    await backend.write(fileOf('index', Buffer.from('x')), Buffer.from('x'))
  })
})

test('create makes the bucket where there is none, and does without the right to look', async () => {
  await using tested = await scripted()
  const { server, backend } = tested
  server.hasBucket = false
  await rejectsWith('S3_BUCKET_MISSING', listAll(backend, 'key'))
  await backend.create()
  assert.equal(server.hasBucket, true)
  server.misbehave = ({ key }, response) => key === '' && server.refuse(response, 403, 'AccessDenied')
  await backend.create()
  server.hasBucket = false
  server.misbehave = ({ method }, response) => method === 'PUT' && server.refuse(response, 409, 'BucketAlreadyExists')
  await rejectsWith('S3_BUCKET_TAKEN', backend.create())
})

test('archives only get contents, and each request is sent once unless more were asked for', async () => {
  await using tested = await scripted({ storageClass: 'GLACIER', retries: 3 })
  const { server, backend } = tested
  await backend.write(pack, bytes)
  const tree = randomBytes(10)
  await backend.write(fileOf('pack', tree), tree, { cacheable: true })
  const stored = server.requests
    .filter(({ method }) => method === 'PUT')
    .map(({ headers }) => headers['x-amz-storage-class'])
  assert.deepEqual(stored, ['GLACIER', undefined])
  server.misbehave = (_, response) => server.refuse(response, 500, 'InternalError')
  for (const [one, sent] of [
    [backend, 3],
    [open(server), 1],
  ] as const) {
    const before = server.requests.length
    await rejectsWith('STORAGE_FAILED', one.read(pack))
    assert.equal(server.requests.length - before, sent)
  }
})

test('a storm of refusals is outlived by the usual retries', async () => {
  await using tested = await scripted()
  const { server, backend } = tested
  let count = 0
  server.misbehave = (_, response) => count++ % 5 < 2 && server.refuse(response, 503, 'SlowDown')
  const retrying = new RetryBackend(backend, { first: 1, longest: 5 })
  await retrying.write(pack, bytes)
  assert.deepEqual(await retrying.read(pack), bytes)
  assert.equal((await listAll(retrying, 'pack')).length, 1)
})

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { request } from 'node:https'
import { missingPostgres, startPostgres } from '../helpers/postgres.ts'
import { freePort } from '../helpers/rest-server.ts'
import { run } from '../helpers/run.ts'
import { callApi, mainModule, ownerEmail, ownerPassword, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

async function isSignedIn({ origin }: Serving): Promise<boolean> {
  const body = { email: ownerEmail, password: ownerPassword }
  return (await callApi(origin, '/api/auth/sign-in/email', { body })).status === 200
}

test('a first start prints a link for the owner; the next one knows the owner; both end well when told to', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  {
    await using serving = await serve(folder.join('data'), port)
    assert.equal(serving.origin, `http://localhost:${port}`)
    assert.equal(await setUpOwner(serving), 200)
    serving.command.kill('SIGTERM')
    assert.equal((await serving.command.result).code, 0)
  }
  await using serving = await serve(folder.join('data'), port)
  assert.equal(serving.ownerLink, undefined)
  assert.ok(await isSignedIn(serving))
  assert.deepEqual((await callApi(serving.origin, '/api/health/ready')).json, { ready: true })
})

test('one command sets up server and machine: the first start enrols this machine, and gives it its repository', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  const repositories: string[] = []
  for (let start = 0; start < 2; start++) {
    await using serving = await serve(folder.join('data'), port, '--agent', '--protect', import.meta.dirname)
    if (start === 0) await serving.command.printed(/has its repository/)
    if (start === 0) assert.equal(await setUpOwner(serving), 200)
    const token = await ownerToken(serving)
    const machines = (await callApi(serving.origin, '/api/machines', { token })).json as { id: string; state: string }[]
    assert.deepEqual(
      machines.map(({ state }) => state),
      ['approved'],
    )
    // The server's own lies beside the machine's.
    const isMachines = (name: string) => !name.startsWith('.') && name !== 'server'
    repositories.push(...readdirSync(folder.join('data', 'repositories')).filter(isMachines))
    serving.command.kill('SIGTERM')
    assert.equal((await serving.command.result).code, 0)
  }
  assert.equal(new Set(repositories).size, 1)
  assert.ok(existsSync(folder.join('data', 'repositories', repositories[0] as string, 'config')))
})

test('a server that is killed at once after an answer has kept what it said', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  {
    await using serving = await serve(folder.join('data'), port)
    assert.equal(await setUpOwner(serving), 200)
    serving.command.kill('SIGKILL')
    await serving.command.result
  }
  await using serving = await serve(folder.join('data'), port)
  assert.ok(await isSignedIn(serving))
})

test('what the server keeps is for its user only', async () => {
  await using folder = await tempFolder()
  await using serving = await serve(folder.join('data'), await freePort())
  assert.ok(serving.ownerLink)
  assert.equal(statSync(folder.join('data')).mode & 0o077, 0)
  assert.equal(statSync(folder.join('data', 'sealing.key')).mode & 0o077, 0)
})

test('at an address that others can reach it speaks TLS only, with the certificate whose fingerprint it names', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  const flags = ['--listen', `0.0.0.0:${port}`]
  const fingerprints: (string | undefined)[] = []
  for (let i = 0; i < 2; i++) {
    await using serving = await serve(folder.join('data'), port, ...flags)
    assert.match(serving.origin, /^https:/)
    fingerprints.push(serving.fingerprint, await fingerprintAt(port))
    await assert.rejects(fetch(`http://127.0.0.1:${port}/api/health/live`))
  }
  assert.equal(new Set(fingerprints).size, 1)
  assert.match(fingerprints[0] as string, /^[0-9a-f]{64}$/)
})

test('a database whose key is gone is not started with a new key', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  {
    await using serving = await serve(folder.join('data'), port)
    assert.equal(await setUpOwner(serving), 200)
  }
  rmSync(folder.join('data', 'sealing.key'))
  const args = [mainModule, 'serve', '--data', folder.join('data'), '--listen', `127.0.0.1:${port}`]
  const { code, stderr } = await run(process.execPath, args)
  assert.equal(code, 1)
  assert.match(stderr, /SEALING_KEY_MISSING/)
})

test('an address that is taken, and flags that do not go together, are refused in one sentence', async () => {
  await using folder = await tempFolder()
  const port = await freePort()
  await using serving = await serve(folder.join('data'), port)
  assert.ok(serving.origin)
  const refused = async (...flags: readonly string[]) =>
    (await run(process.execPath, [mainModule, 'serve', '--data', folder.join('other'), ...flags])).stderr
  assert.match(await refused('--listen', `127.0.0.1:${port}`), /LISTEN_FAILED/)
  assert.match(await refused('--listen', 'somewhere'), /LISTEN_ADDRESS_INVALID/)
  assert.match(await refused('--tls-key', 'a'), /go together/)
  assert.match(await refused('--origin', 'backup.example'), /--origin must be like/)
  assert.match(await refused('--database', 'postgres://nobody@127.0.0.1:1/none'), /DATABASE_UNREACHABLE/)
})

test('with PostgreSQL nothing of the control data lies in the folder', { skip: missingPostgres() }, async () => {
  await using postgres = await startPostgres()
  await using folder = await tempFolder()
  const port = await freePort()
  const database = await postgres.createDatabase('control')
  {
    await using serving = await serve(folder.join('data'), port, '--database', database)
    assert.equal(await setUpOwner(serving), 200)
    assert.ok(await isSignedIn(serving))
    await postgres.kill()
    assert.equal((await callApi(serving.origin, '/api/health/ready')).status, 503)
    await postgres.start()
    assert.equal(
      (await callApi(serving.origin, '/api/health/ready')).status,
      200,
      'the database is back, and so is the server',
    )
  }
  assert.throws(() => readFileSync(folder.join('data', 'control.db')), /ENOENT/)
})

async function fingerprintAt(port: number): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/api/health/live', rejectUnauthorized: false },
      (answer) => {
        const { fingerprint256 } = (answer.socket as import('node:tls').TLSSocket).getPeerX509Certificate() as {
          fingerprint256: string
        }
        answer.resume()
        resolve(fingerprint256.replaceAll(':', '').toLowerCase())
      },
    )
    asked.on('error', reject).end()
  })
}

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileNamed, pathOf } from '../helpers/endpoint-server.ts'
import { FolderStorage } from '../../src/server/endpoint/index.ts'
import { type EndpointProcess, startEndpointProcess } from '../helpers/endpoint-process.ts'
import { run } from '../helpers/run.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'

/** The server is killed while uploads arrive (A6 of the failure cases). */

const random = randomFrom(testSeed())
const rounds = 4

test('killed at random under uploads: what was acknowledged is whole, nothing else has a name, and no rest stays', async () => {
  await using folder = await tempFolder()
  const acknowledged = new Map<string, number>()
  // A machine that is busy may have acknowledged nothing when the server is killed.
  for (let round = 0; round < rounds || acknowledged.size === 0; round++) {
    await using server = await startEndpointProcess(folder.path)
    assert.deepEqual(incoming(folder.path), [], 'the start has cleaned up')
    assert.equal(await post(server, '/repo/anna/?create=true', Buffer.alloc(0)), 200)
    const sending = Array.from({ length: 6 }, () => sendUntilDead(server, acknowledged))
    await sleep(200 + random.below(600))
    server.command.kill('SIGKILL')
    await Promise.all(sending)
  }
  await using server = await startEndpointProcess(folder.path)
  assert.deepEqual(incoming(folder.path), [])
  const stored = packs(folder.path)
  for (const [name, bytes] of stored) assert.equal(hash('sha256', bytes), name)
  for (const [name, size] of acknowledged) assert.equal(stored.get(name)?.length, size, `${name} was acknowledged`)
  assert.equal(await post(server, '/repo/anna/?create=true', Buffer.alloc(0)), 200)
})

const calls = ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'linkSync', 'unlinkSync'] as const

for (const [call, times] of Object.entries({
  openSync: 2,
  writeSync: 1,
  fsyncSync: 2,
  closeSync: 2,
  linkSync: 1,
  unlinkSync: 1,
} satisfies Record<(typeof calls)[number], number>)) {
  test(`killed before and after each ${call} of an upload, a file is absent or whole`, async () => {
    for (let time = 1; time <= times; time++) {
      for (const when of ['before', 'after'] as const) {
        await using folder = await tempFolder()
        const storage = await FolderStorage.open(folder.path)
        await storage.create('anna')
        const body = random.bytes(100_000)
        const { name } = fileNamed('pack', body)
        const target = join(folder.path, 'anna', 'data', name.slice(0, 2), name)
        const order = { temporary: join(folder.path, '.incoming', 'a'.repeat(32)), target, call, time, when }
        const program = ['--input-type=module', '--eval', killedProgram, JSON.stringify(order)]
        const { signal, stderr } = await run(process.execPath, program, { input: body })
        assert.equal(signal, 'SIGKILL', stderr)
        if (existsSync(target)) assert.ok(readFileSync(target).equals(body), `${when} ${call} ${time}`)
        await using restarted = await FolderStorage.open(folder.path)
        assert.deepEqual(incoming(folder.path, '.'), [])
        const listed = await Array.fromAsync(restarted.list('anna', 'pack'))
        assert.deepEqual(
          listed.map(({ size }) => size),
          existsSync(target) ? [body.length] : [],
        )
      }
    }
  })
}

const killedProgram = `
  import * as fs from 'node:fs'
  import { placeFile } from ${JSON.stringify(new URL('../../src/server/endpoint/place.ts', import.meta.url).href)}
  const { temporary, target, call, time, when } = JSON.parse(process.argv[1])
  const bytes = fs.readFileSync(0)
  const die = () => { process.kill(process.pid, 'SIGKILL'); for (;;); }
  let times = 0
  const killing = (...args) => {
    const isIt = ++times === time
    if (isIt && when === 'before') die()
    const result = fs[call](...args)
    if (isIt) die()
    return result
  }
  placeFile({ temporary, target, mode: 0o400, bytes }, { ...fs, [call]: killing })`

/** Small files, which are stored from memory, and large ones, which arrive in a file. */
async function sendUntilDead(server: EndpointProcess, acknowledged: Map<string, number>): Promise<void> {
  for (;;) {
    const body = random.bytes(random.below(3) === 0 ? 3_000_000 : 20_000)
    const file = fileNamed('pack', body)
    const status = await post(server, pathOf(file), body)
    if (status === undefined) return
    assert.equal(status, 200)
    acknowledged.set(file.name, body.length)
  }
}

/** Undefined when there was no answer. */
async function post({ port }: EndpointProcess, path: string, body: Uint8Array): Promise<number | undefined> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, method: 'POST', auth: 'anna:pass', agent: new Agent() }
    const sent = request(options, (response) => {
      response.once('end', () => resolve(response.statusCode)).once('error', () => resolve(undefined))
      response.resume()
    })
    sent.once('error', () => resolve(undefined))
    sent.end(body)
  })
}

function incoming(folder: string, below = 'repositories'): string[] {
  return readdirSync(join(folder, below, '.incoming'))
}

/** All that has the name of a pack, with its bytes. */
function packs(folder: string): Map<string, Buffer> {
  const data = join(folder, 'repositories', 'anna', 'data')
  const paths = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(paths.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name))]))
}

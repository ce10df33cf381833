import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { METHODS } from 'node:http'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { fileNamed, pathOf, type RunningEndpoint, startEndpoint } from '../../../test/helpers/endpoint-server.ts'

const runs = 1500

interface OddRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

test('whatever is sent with the credential of a machine, nothing is deleted but its own locks, and nothing changed', async () => {
  await using server = await startEndpoint()
  const victims = await fill(server)
  const before = await contents(server)
  const methods = METHODS.filter((method) => method !== 'CONNECT')
  const part = fc.oneof(
    fc.constantFrom('', '.', '..', '%2e%2e', 'anna', 'bert', 'repo', 'config', 'deleted', '.incoming', '?create=true'),
    fc.constantFrom(
      'data',
      'keys',
      'locks',
      'snapshots',
      'index',
      ...victims.map((path) => path.split('/').at(-1) ?? ''),
    ),
    fc.stringMatching(/^[!-~]{0,12}$/),
  )
  const odd = fc.array(part, { maxLength: 6 }).map((parts) => `/repo/${parts.join('/')}`)
  const path = fc.oneof(fc.constantFrom(...victims), odd)
  const header = fc.tuple(
    fc.constantFrom(
      'x-http-method-override',
      'range',
      'content-type',
      'if-match',
      'destination',
      'overwrite',
      'expect',
      'accept',
    ),
    fc.oneof(fc.constantFrom('DELETE', 'bytes=0-', 'T', '/repo/anna/config', '*'), fc.stringMatching(/^[!-~]{0,20}$/)),
  )
  const request: fc.Arbitrary<OddRequest> = fc.record({
    method: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('DELETE', 'POST', 'PUT') },
      { arbitrary: fc.constantFrom(...methods), weight: 1 },
    ),
    path,
    headers: fc.array(header, { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
    body: fc.uint8Array({ maxLength: 300 }),
  })
  let answered = 0
  const send = async ({ path: target, ...rest }: OddRequest) => {
    // What is not HTTP at all ends the connection instead.
    await server.send(target, rest).then(
      () => answered++,
      () => undefined,
    )
  }
  await fc.assert(fc.asyncProperty(request, send), { ...seeded(), numRuns: runs })
  assert.ok(answered > runs / 2, `${answered} of ${runs} were answered`)
  const after = await contents(server)
  for (const [name, content] of before) assert.equal(after.get(name), content, `${name} is not what it was`)
  for (const [name, content] of after) {
    if (!before.has(name))
      assert.equal(name.split('/').at(-1), content, `${name} was added and does not hash to its name`)
  }
})

/** Two repositories with a file of each type, written by the server itself, locks too; gives their paths. */
async function fill(server: RunningEndpoint): Promise<string[]> {
  const paths: string[] = []
  for (const repository of ['anna', 'bert']) {
    await server.storage.create(repository)
    const backend = await server.storage.backend(repository)
    for (const type of ['config', 'key', 'lock', 'snapshot', 'index', 'pack'] as const) {
      const bytes = randomBytes(200)
      await backend.write(fileNamed(type, bytes), bytes)
      paths.push(pathOf(fileNamed(type, bytes), repository))
    }
  }
  return paths
}

/** The hash of every file that the storage has, by its path. */
async function contents({ folder }: RunningEndpoint): Promise<Map<string, string>> {
  const root = join(folder, 'repositories')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(await Promise.all(files.map(async (path) => [path, hash('sha256', await readFile(path))] as const)))
}

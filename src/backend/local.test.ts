import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOk, start } from '../../test/helpers/run.ts'
import { randomFrom, testSeed } from '../../test/helpers/seed.ts'
import { type TempFolder, tempFolder } from '../../test/helpers/temp.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { FolderSync, syncLocalFolder } from './folder-sync.ts'
import { LocalBackend } from './local.ts'
import { type LocalFiles, systemFiles } from './local-files.ts'
import { RetryBackend } from './retry.ts'

const bytes = randomBytes(200_000)
const pack = fileOf('pack', bytes)

test('a failed fsync means not stored: the temporary file is thrown away and a retry writes a new one', async () => {
  await using folder = await tempFolder()
  const { files, opened } = scripted({ sync: [systemError('EIO')] })
  const backend = await created(folder, files)
  const error = await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))
  assert.equal(error.transient, true)
  assert.deepEqual(await allFiles(folder.path), [])
  opened.length = 0
  await backend.write(pack, bytes)
  assert.deepEqual(await backend.read(pack), bytes)
  assert.equal(opened.filter((path) => path.includes('-tmp-')).length, 1, 'written anew, not synced again')
})

test('a failed fsync of the folder means not stored, and retry stores it', async () => {
  await using folder = await tempFolder()
  const { files } = scripted({ sync: [undefined, systemError('EIO')] })
  const backend = await created(folder, files)
  await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))
  assert.deepEqual(await allFiles(folder.path), [])
  const again = scripted({ sync: [systemError('EIO'), undefined, systemError('EIO')] })
  const retrying = new RetryBackend(await created(folder, again.files), { first: 1 })
  await retrying.write(pack, bytes)
  assert.deepEqual(await retrying.read(pack), bytes)
})

test('short writes and interrupted calls still store every byte', async () => {
  await using folder = await tempFolder()
  const { files } = scripted({ write: [systemError('EINTR'), 1, 70_000, systemError('EINTR'), 5] })
  const backend = await created(folder, files)
  await backend.write(pack, bytes)
  assert.deepEqual(await readFile(join(folder.path, 'data', pack.name.slice(0, 2), pack.name)), bytes)
})

for (const [code, expected, transient] of [
  ['ENOSPC', 'STORAGE_FULL', false],
  ['EDQUOT', 'STORAGE_FULL', false],
  ['EACCES', 'ACCESS_DENIED', false],
  ['EROFS', 'ACCESS_DENIED', false],
  ['ESTALE', 'STORAGE_FAILED', true],
  ['EIO', 'STORAGE_FAILED', true],
] as const) {
  test(`${code} while writing is ${expected}, and leaves nothing behind`, async () => {
    await using folder = await tempFolder()
    const { files } = scripted({ write: [1000, systemError(code)] })
    const backend = await created(folder, files)
    const error = await rejectsWith(expected, backend.write(pack, bytes))
    assert.equal(error.transient, transient)
    assert.deepEqual(await allFiles(folder.path), [])
  })
}

test('where there are no hard links files are put in place by renaming, and still never replaced', async () => {
  await using folder = await tempFolder()
  const files = { ...systemFiles, link: async () => Promise.reject(systemError('EPERM')) }
  const backend = await created(folder, files)
  await backend.write(pack, bytes)
  await backend.write(pack, bytes)
  await rejectsWith('FILE_EXISTS', backend.write(pack, randomBytes(10)))
  assert.deepEqual(await backend.read(pack), bytes)
  assert.equal((await allFiles(folder.path)).length, 1)
})

test(
  'files are read-only for their owner, and for the group where the config is',
  { skip: process.platform === 'win32' && 'no modes on Windows' },
  async () => {
    await using folder = await tempFolder()
    const backend = await created(folder)
    await backend.write({ type: 'config', name: '' }, bytes)
    const config = folder.join('config')
    assert.equal((await stat(config)).mode & 0o777, 0o400)
    assert.equal((await stat(folder.join('data'))).mode & 0o777, 0o700)
    await chmod(config, 0o440)
    await new LocalBackend(folder.path).write(pack, bytes)
    assert.equal((await stat(join(folder.path, 'data', pack.name.slice(0, 2), pack.name))).mode & 0o777, 0o440)
  },
)

test('temporary files of crashed writers go after a day, fresh ones and other files stay', async () => {
  await using folder = await tempFolder()
  await created(folder)
  const prefix = folder.join('data', pack.name.slice(0, 2))
  const [ours, resticsOwn, fresh, foreign] = [
    `${pack.name}-tmp-0123`,
    `${pack.name}-tmp-99`,
    `${pack.name}-tmp-aa`,
    'notes-tmp-1',
  ]
  const paths = [
    join(prefix, ours),
    folder.join('index', resticsOwn),
    folder.join('config-tmp-1'),
    join(prefix, fresh),
    join(prefix, foreign),
  ]
  for (const path of paths) await writeFile(path, 'half')
  const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000)
  for (const path of paths) if (!path.endsWith(fresh)) await utimes(path, longAgo, longAgo)
  {
    await using backend = new LocalBackend(folder.path)
    await backend.write(pack, bytes)
  }
  const left = (await allFiles(folder.path)).map((path) => path.split('/').at(-1))
  assert.deepEqual(left.toSorted(), [pack.name, fresh, foreign].toSorted())
})

test('a missing folder in a repository with a config is a fault, not an empty list', async () => {
  await using folder = await tempFolder()
  const backend = await created(folder)
  await backend.write({ type: 'config', name: '' }, bytes)
  for (const name of ['snapshots', 'locks']) await rm(folder.join(name), { recursive: true })
  const error = await rejectsWith('STORAGE_FAILED', listAll(backend, 'snapshot'))
  assert.match(error.message, /snapshots is missing/)
  assert.deepEqual(await listAll(backend, 'lock'), [], 'copies without empty folders lose this one')
  await backend.write(fileOf('snapshot', bytes), bytes)
  assert.equal((await listAll(backend, 'snapshot')).length, 1)
})

test('nothing is written where the repository folder is missing: its disk may not be mounted', async () => {
  await using folder = await tempFolder()
  const backend = new LocalBackend(folder.join('not', 'mounted'))
  await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))
  assert.deepEqual(await readdir(folder.path), [])
})

test('syncs of a folder that are wanted at the same time share the next one', async () => {
  let [running, most, count] = [0, 0, 0]
  const open = async () => ({
    async sync() {
      count++
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
      if (count === 2) throw systemError('EIO')
    },
    close: async () => undefined,
  })
  const folders = new FolderSync((folder) =>
    syncLocalFolder({ ...systemFiles, open: open as unknown as LocalFiles['open'] }, folder),
  )
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => folders.sync('/folder')))
  assert.deepEqual([count, most], [2, 1])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', ...Array.from({ length: 9 }, () => 'rejected')],
  )
  await folders.sync('/folder')
  assert.equal(count, 3)
})

test(
  'a fifo in the place of a file is refused, not waited for',
  { skip: process.platform === 'win32' && 'no fifos on Windows' },
  async () => {
    await using folder = await tempFolder()
    const backend = await created(folder)
    await runOk('mkfifo', [folder.join('config')])
    await rejectsWith('STORAGE_FAILED', backend.read({ type: 'config', name: '' }))
    assert.equal(await backend.size({ type: 'config', name: '' }), undefined)
  },
)

test('after a lock was written, listed files have an age', async () => {
  await using folder = await tempFolder()
  const backend = await created(folder)
  const old = fileOf('lock', randomBytes(10))
  await writeFile(folder.join('locks', old.name), 'lock')
  const anHourAgo = new Date(Date.now() - 3_600_000)
  await utimes(folder.join('locks', old.name), anHourAgo, anHourAgo)
  await backend.write(fileOf('lock', bytes), bytes)
  const found = (await Array.fromAsync(backend.list('lock'))).find(({ name }) => name === old.name)
  assert.ok(Math.abs((found?.age ?? 0) - 3_600_000) < 60_000, `${found?.age}`)
})

test(
  'a writer killed at any moment leaves whole files and temporary ones, nothing else',
  { timeout: 60_000 },
  async () => {
    const random = randomFrom(testSeed())
    await using folder = await tempFolder()
    await created(folder)
    for (let round = 0; round < 4; round++) {
      await using writer = start(process.execPath, ['--input-type=module', '--eval', writerProgram, folder.path])
      await writer.printed(/written/)
      await new Promise((resolve) => setTimeout(resolve, random.below(120)))
    }
    const backend = new LocalBackend(folder.path)
    const listed = await listAll(backend, 'pack')
    assert.ok(listed.length > 0)
    for (const { name, size } of listed) {
      const read = await backend.read({ type: 'pack', name })
      assert.equal(read.length, size)
      assert.deepEqual(fileOf('pack', read).name, name)
    }
  },
)

const writerProgram = `
  import { randomBytes, hash } from 'node:crypto'
  import { LocalBackend } from ${JSON.stringify(new URL('local.ts', import.meta.url).href)}
  const backend = new LocalBackend(process.argv[1])
  for (;;) {
    const bytes = randomBytes(1 << 20)
    await backend.write({ type: 'pack', name: hash('sha256', bytes, 'hex') }, bytes)
    console.log('written')
  }`

async function created(folder: TempFolder, files: LocalFiles = systemFiles): Promise<LocalBackend> {
  await new LocalBackend(folder.path).create()
  return new LocalBackend(folder.path, { files })
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code, syscall: 'test' })
}

interface Script {
  /** What happens to the first syncs of handles, in order. */
  readonly sync?: (Error | undefined)[]
  /** What happens to the first writes: an error, or how few bytes are taken. */
  readonly write?: (Error | number)[]
}

/** The system's file calls, with some that go wrong. */
function scripted({ sync = [], write = [] }: Script): { readonly files: LocalFiles; readonly opened: string[] } {
  const opened: string[] = []
  const open: LocalFiles['open'] = async (path, ...rest) => {
    opened.push(String(path))
    const handle = await systemFiles.open(path, ...rest)
    const [realSync, realWrite] = [
      handle.sync.bind(handle),
      handle.write.bind(handle) as (...args: unknown[]) => unknown,
    ]
    handle.sync = async () => {
      const fault = sync.shift()
      if (fault) throw fault
      await realSync()
    }
    const faultyWrite = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
      const fault = write.shift()
      if (fault instanceof Error) throw fault
      return realWrite(buffer, offset, Math.min(length, fault ?? length), position)
    }
    return Object.assign(handle, { write: faultyWrite })
  }
  return { files: { ...systemFiles, open }, opened }
}

async function allFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

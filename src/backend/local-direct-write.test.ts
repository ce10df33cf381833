import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import { randomFrom } from '../../test/helpers/seed.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { LocalBackend } from './local.ts'
import type { LocalFiles } from './local-files.ts'

const random = randomFrom(82)
const direct = constants.O_DIRECT ?? 0
const pack = (digit: string) => ({ type: 'pack', name: digit.repeat(64) }) as const

/** File calls that note how files are opened, and fail as they are told. */
function watched(failing: { open?: string; write?: string } = {}, shortest = Infinity) {
  const opened: ('direct' | 'usual')[] = []
  const invalid = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' })
  const open: typeof fs.open = async (path, flag, mode) => {
    const isDirect = typeof flag === 'number' && (flag & direct) !== 0
    if (flag === 'wx' || isDirect) opened.push(isDirect ? 'direct' : 'usual')
    const handle = await fs.open(path, flag, mode)
    if (!isDirect) return handle
    if (failing.open) {
      await handle.close() // the file is there all the same, as open(2) warns
      throw invalid(failing.open)
    }
    const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>
    handle.write = (async (bytes: Uint8Array, from: number, length: number, at: number) => {
      if (failing.write) throw invalid(failing.write)
      return await write(bytes, from, Math.min(length, shortest), at)
    }) as unknown as typeof handle.write
    return handle
  }
  return { opened, files: { ...fs, open } as LocalFiles }
}

const lengths = [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 4 << 20, (4 << 20) + 4095, (9 << 20) + 4096]

test('packs are written past the system’s cache, whatever their length, and small files in the usual way', async () => {
  await using folder = await tempFolder()
  const { opened, files } = watched()
  await using backend = new LocalBackend(folder.path, { files })
  await backend.create()
  for (const [i, length] of lengths.entries()) {
    const bytes = random.bytes(length)
    await backend.write(pack(String(i)), bytes)
    assert.equal(await backend.size(pack(String(i))), length)
    assert.ok((await backend.read(pack(String(i)))).equals(bytes), `${length} bytes`)
  }
  if (direct !== 0) assert.deepEqual(opened, ['usual', ...lengths.slice(1).map(() => 'direct')])
})

test('writes that stop short go on from a whole block', async () => {
  await using folder = await tempFolder()
  const { files } = watched({}, (1 << 20) - 4096)
  await using backend = new LocalBackend(folder.path, { files })
  await backend.create()
  const bytes = random.bytes((5 << 20) + 77)
  await backend.write(pack('a'), bytes)
  assert.ok((await backend.read(pack('a'))).equals(bytes))
})

for (const failing of [{ open: 'EINVAL' }, { write: 'EINVAL' }]) {
  test(`a file system that refuses ${Object.keys(failing)[0]} is written to in the usual way, and leaves nothing behind`, async () => {
    await using folder = await tempFolder()
    const { opened, files } = watched(failing)
    await using backend = new LocalBackend(folder.path, { files })
    await backend.create()
    const bytes = random.bytes(2 << 20)
    await backend.write(pack('a'), bytes)
    await backend.write(pack('b'), bytes)
    assert.ok((await backend.read(pack('a'))).equals(bytes))
    assert.ok((await backend.read(pack('b'))).equals(bytes))
    const left = await fs.readdir(folder.join('data', 'aa'))
    assert.deepEqual(left, [pack('a').name])
    if (direct !== 0) assert.equal(opened.filter((how) => how === 'usual').length, 2)
  })
}

test(
  'a full disk is a full disk, and leaves nothing behind',
  { skip: direct === 0 && 'no direct writes here' },
  async () => {
    await using folder = await tempFolder()
    const { files } = watched({ write: 'ENOSPC' })
    await using backend = new LocalBackend(folder.path, { files })
    await backend.create()
    await assert.rejects(backend.write(pack('a'), random.bytes(2 << 20)), { code: 'STORAGE_FULL' })
    assert.deepEqual(await fs.readdir(folder.join('data', 'aa')), [])
  },
)

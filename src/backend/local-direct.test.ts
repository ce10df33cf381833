import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { test } from 'node:test'
import { randomFrom } from '../../test/helpers/seed.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { readDirect } from './local-direct.ts'
import { LocalBackend } from './local.ts'

const random = randomFrom(81)
const direct = constants.O_DIRECT ?? 0

test('any range is read past the system’s cache as it lies on the disk, and else in the usual way', async (t) => {
  await using folder = await tempFolder()
  const content = random.bytes(9_000_001)
  const path = folder.join('file')
  await fs.writeFile(path, content)
  const ranges = [
    [0, content.length],
    [0, 1],
    [4096, 4096],
    [4095, 2],
    [4_194_303, 4_194_310],
    [content.length - 1, 1],
    [12_345, 0],
  ] as const
  for (const [offset, length] of ranges) {
    const bytes = await readDirect(fs, path, { offset, length })
    if (bytes) assert.ok(bytes.equals(content.subarray(offset, offset + length)), `${offset} ${length}`)
    else t.diagnostic('this file system has no direct reads')
  }
  await assert.rejects(readDirect(fs, folder.join('absent'), { offset: 0, length: 1 }), { code: 'ENOENT' })
})

test('a fresh read opens the file for direct reading, several at once, and falls back where that is not possible', async () => {
  await using folder = await tempFolder()
  const flags: number[] = []
  let refuses = false
  const open: typeof fs.open = async (path, flag, mode) => {
    const isDirect = typeof flag === 'number' && (flag & direct) !== 0
    flags.push(isDirect ? 1 : 0)
    if (isDirect && refuses) throw Object.assign(new Error('invalid argument'), { code: 'EINVAL', syscall: 'open' })
    return await fs.open(path, flag, mode)
  }
  await using backend = new LocalBackend(folder.join('repository'), { files: { ...fs, open } })
  await backend.create()
  const bytes = random.bytes(100_000)
  const file = { type: 'pack', name: 'ab'.repeat(32) } as const
  await backend.write(file, bytes)
  for (refuses of [false, true]) {
    flags.length = 0
    const read = async (offset: number) => await backend.read(file, { range: { offset, length: 5_000 }, fresh: true })
    const offsets = [0, 3, 50_000, 95_000]
    const parts = await Promise.all(offsets.map(read))
    for (const [i, part] of parts.entries())
      assert.ok(part.equals(bytes.subarray(offsets[i], (offsets[i] as number) + 5_000)))
    assert.equal(flags.filter((flag) => flag === 1).length, direct === 0 ? 0 : offsets.length)
    await assert.rejects(backend.read(file, { range: { offset: 99_999, length: 2 }, fresh: true }), {
      code: 'FILE_TOO_SHORT',
    })
  }
})

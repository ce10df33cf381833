import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { RepositoryWriter, loadIndex } from '#repository'
import type { FileOutcome } from '#repository'
import { createMeddlingState, wasShared } from '../../test/helpers/meddling-reader.ts'
import type { Meddling } from '../../test/helpers/meddling-reader.ts'
import { copyOf, initInMemory } from '../../test/helpers/memory-repository.ts'
import { randomFrom, testSeed } from '../../test/helpers/seed.ts'
import { tempFolder } from '../../test/helpers/temp.ts'

/** Files that are large enough to be read in parts by several threads, and what may happen to them meanwhile. */

const mib = 1 << 20
const made = await initInMemory()
const random = randomFrom(testSeed())
const noise = random.bytes(100 * mib)

/** Zeros at the end of pages, as databases have them: everywhere a place that asks for a cut. */
function pages(content: Buffer): Buffer {
  const copy = Buffer.from(content)
  for (let at = 0; at < copy.length; at += 256 * 1024) copy.subarray(at, at + 500).fill(0)
  return copy
}

const contents = {
  'in which nothing repeats': noise,
  'of zeros': Buffer.alloc(66 * mib),
  'that never asks for a cut': Buffer.alloc(66 * mib, 0xff),
  'of pages that end in zeros': pages(noise.subarray(0, 70 * mib)),
  'that is partly zeros': Buffer.concat([
    noise.subarray(0, 41 * mib),
    Buffer.alloc(20 * mib),
    noise.subarray(50 * mib),
  ]),
  'of exactly two parts': noise.subarray(0, 64 * mib),
}

interface Stored {
  readonly outcome: FileOutcome
  readonly content: readonly string[]
  readonly added: { readonly blobs: number; readonly bytes: number }
  readonly wasShared: boolean
}

/** Stores the file in a new repository that is kept nowhere. */
async function store(path: string, threads: number, event: Partial<Meddling> = {}): Promise<Stored> {
  const { repository } = await copyOf(made)
  const state = createMeddlingState()
  const options: Meddling = { at: Infinity, ...event, path, state }
  const module = new URL('../../test/helpers/meddling-reader.ts', import.meta.url)
  await using writer = new RepositoryWriter(await loadIndex(repository), {
    threads,
    discard: true,
    reader: { module, options },
  })
  const { ino: inode, dev: deviceId } = statSync(path, { bigint: true })
  const [outcome] = await writer.storeFiles([{ ref: { path, inode, deviceId, trusted: path.length } }])
  await writer.flush()
  const { dataBlobs: blobs, dataBytes: bytes } = writer.added
  const node = outcome?.kind === 'stored' ? (JSON.parse(outcome.node.toString()) as { content: string[] }) : undefined
  const content = node?.content ?? []
  return { outcome: outcome as FileOutcome, content, added: { blobs, bytes }, wasShared: wasShared(state) }
}

for (const [what, content] of Object.entries(contents)) {
  test(`a file ${what} has the same blobs, whether one thread or several store it`, async () => {
    await using folder = await tempFolder()
    const path = folder.join('image')
    writeFileSync(path, content)
    const alone = await store(path, 1)
    assert.equal(alone.wasShared, false)
    const together = await store(path, 3)
    assert.equal(together.wasShared, true)
    assert.deepEqual(together.content, alone.content)
    assert.deepEqual(together.added, alone.added)
    assert.deepEqual(together.outcome, alone.outcome)
  })
}

for (const event of ['shrink', 'grow', 'rewrite'] as const) {
  test(`a file that others change while it is read in parts (${event}) is read again, and stored as it is then`, async () => {
    for (const at of [37 * mib, 97 * mib]) {
      await using folder = await tempFolder()
      const path = folder.join('image')
      writeFileSync(path, noise)
      const { outcome, content, wasShared: isShared } = await store(path, 3, { event, at })
      assert.ok(isShared)
      assert.ok(outcome.kind === 'stored' && !outcome.changed)
      const after = readFileSync(path)
      assert.equal(after.equals(noise), false)
      assert.equal(outcome.bytes, after.length)
      assert.deepEqual(content, (await store(path, 1)).content)
    }
  })
}

test('a file that cannot be read to its end is left out with the place, and what the first thread would have said', async () => {
  await using folder = await tempFolder()
  const path = folder.join('image')
  writeFileSync(path, noise)
  for (const at of [40 * mib, 99 * mib]) {
    const { outcome, wasShared: isShared } = await store(path, 3, { event: 'break', at })
    assert.ok(isShared)
    assert.ok(outcome.kind === 'unreadable')
    assert.equal(outcome.error.message, 'input/output error')
  }
})

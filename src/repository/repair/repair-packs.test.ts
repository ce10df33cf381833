import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackendError, FaultyBackend } from '#backend'
import type { Fault } from '#backend'
import { TestRepository, password } from '../../../test/helpers/build-repository.ts'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { checkRepository } from '../check/check.ts'
import { encodeIndexFile } from '../format/index-file.ts'
import { lengthFieldSize, locatePackHeader } from '../format/pack-header.ts'
import { indexedPackOf } from '../index-packs.ts'
import { loadBlob } from '../load-blob.ts'
import { loadIndex } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { PackTable } from '../pack-table.ts'
import { openRepository } from '../repository.ts'
import type { Repository } from '../repository.ts'
import { planPackRepair } from './repair-packs.ts'
import type { PackRepairPlan } from './repair-packs.ts'
import { executePackRepair } from './salvage.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const empty = backend.keep()
const random = randomFrom(31)
// One pack of data with five blobs, and one of trees.
const blobs = [1, 2, 3, 4, 5].map((i) => random.bytes(8_000 + i))
await built.snapshot({ 'a/1': blobs.slice(0, 2), 'a/2': blobs.slice(2, 4), 'b/3': blobs.slice(4) })
const whole = backend.keep()
const needed = await built.provenBlobs()
const { index: wholeIndex } = await loadIndex(repository)
const table = new PackTable(wholeIndex)
const pack = table.packs.find(({ type }) => type === 'data')?.name as string
const entries = [...table.entriesOf(table.get(pack)?.place as number)]
const copies = new Map<string, Buffer>()

async function repair(names: readonly string[] = [pack], on: Repository = repository): Promise<PackRepairPlan> {
  const clock = new JumpingClock()
  await using lock = await lockRepository(on, { exclusive: true, clock })
  const plan = await planPackRepair(on, names, { clock, signal: lock.signal })
  copies.clear()
  const keepCopy = async (name: string, content: AsyncIterable<Buffer>) =>
    void copies.set(name, Buffer.concat(await Array.fromAsync(content)))
  if (!plan.isEmpty) await executePackRepair(plan, { lock, signal: lock.signal, keepCopy })
  return plan
}

async function kinds(): Promise<string[]> {
  const { problems } = await checkRepository(repository, { threads: 1, readData: true, clock: new JumpingClock() })
  return problems.map(({ kind }) => kind)
}

/** Which of the data blobs can be had. */
async function readable(): Promise<boolean[]> {
  const indexed = await built.load()
  const has = async (blob: Buffer) => {
    const id = Buffer.alloc(32)
    repository.codec.primitives.hasher.sha256(blob, id)
    return await loadBlob(indexed, 'data', id).then(
      (bytes) => bytes.equals(blob),
      () => false,
    )
  }
  return await Promise.all(blobs.map(has))
}

function damage(act: (bytes: Buffer) => Buffer | void, key = `pack/${pack}`): void {
  const bytes = Buffer.from(backend.files.get(key) as Buffer)
  backend.files.set(key, act(bytes) ?? bytes)
}

const flipAt = (at: number) => (bytes: Buffer) => {
  const place = at < 0 ? bytes.length + at : at
  bytes[place] = (bytes[place] as number) ^ 4
}

async function through(faults: readonly Fault[]): Promise<Repository> {
  const faulty = new FaultyBackend(backend)
  const opened = await openRepository(faulty, { password })
  for (const fault of faults) faulty.add(fault)
  return opened
}

const [first = 0, second = 0, third = 0] = entries.map((entry) => wholeIndex.offsetOf(entry))
const size = (whole.get(`pack/${pack}`) as Buffer).length

test('intact blobs of a damaged pack are salvaged, whatever is damaged; the pack is kept aside and goes', async (t) => {
  const damages: [string, (bytes: Buffer) => Buffer | void, number][] = [
    ['a bit of a blob', flipAt(second + 50), 4],
    ['a bit of the header', flipAt(-20), 5],
    ['a bit of the length of the header', flipAt(-2), 5],
    ['cut to nothing', () => Buffer.alloc(0), 0],
    ['cut to 1 byte', (bytes) => bytes.subarray(0, 1), 0],
    ['cut to 35 bytes', (bytes) => bytes.subarray(0, 35), 0],
    ['cut in the third blob', (bytes) => bytes.subarray(0, third + 100), 2],
    ['without its last byte', (bytes) => bytes.subarray(0, -1), 5],
    ['with garbage behind', (bytes) => Buffer.concat([bytes, random.bytes(50)]), 5],
    ['two blobs', (bytes) => [flipAt(first + 40), flipAt(third + 40)].forEach((flip) => flip(bytes)), 3],
  ]
  for (const [what, act, intact] of damages) {
    await t.test(what, async () => {
      backend.bringBack(whole)
      damage(act)
      const bad = backend.files.get(`pack/${pack}`) as Buffer
      const before = await readable()
      assert.equal(before.filter(Boolean).length, intact)
      const { packs } = await repair()
      assert.deepEqual(
        [packs[0]?.fate, packs[0]?.intact.length, packs[0]?.lost.length],
        ['salvage', intact, 5 - intact],
      )
      assert.deepEqual(await readable(), before)
      assert.deepEqual(copies.get(pack), bad)
      assert.ok(!backend.files.has(`pack/${pack}`))
      assert.ok((await kinds()).every((kind) => kind === 'blobs-missing'))
      if (intact === 5) assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
    })
  }
})

test('a sound pack is left as it is', async () => {
  backend.bringBack(whole)
  const { packs, isEmpty } = await repair([pack.slice(0, 12)])
  assert.deepEqual([packs[0]?.fate, isEmpty], ['sound', true])
  assert.deepEqual(backend.names('pack').toSorted(), table.packs.map(({ name }) => name).toSorted())
})

test('a pack that is right when it is read again is left as it is, and so is one that is wrong in changing ways', async () => {
  for (const [times, fate] of [
    [1, 'sound'],
    [2, 'unsteady'],
  ] as const) {
    backend.bringBack(whole)
    const before = backend.keep()
    const faults = Array.from({ length: times }, (_, i): Fault => {
      // Of a pack's two reads the second is that of its blobs.
      return { on: 'read', type: 'pack', name: pack, call: 2 + i * 2, fault: { kind: 'flip', bit: 800 + i } }
    })
    const { packs } = await repair([pack], await through(faults))
    assert.deepEqual([packs[0]?.fate, packs[0]?.onlyWhenReadAgain], [fate, times === 1])
    assert.deepEqual(backend.keep(), before)
  }
})

test('a read that fails once costs nothing; one that fails always costs only what cannot be read', async () => {
  backend.bringBack(whole)
  const error = new BackendError('STORAGE_FAILED', { location: 'disk', reason: 'input/output error' })
  const once = await repair(
    [pack],
    await through([{ on: 'read', type: 'pack', name: pack, times: 7, fault: { kind: 'fail', error } }]),
  )
  assert.equal(once.packs[0]?.fate, 'sound')
  const read = backend.memory.read.bind(backend.memory)
  backend.memory.read = async (file, options) => {
    const { offset, length } = options?.range ?? { offset: 0, length: size }
    if (file.name === pack && offset <= second + 10 && second + 10 < offset + length) throw error
    return await read(file, options)
  }
  const always = await repair()
  assert.deepEqual([always.packs[0]?.fate, always.packs[0]?.intact.length], ['salvage', 4])
  assert.deepEqual(await readable(), [true, false, true, true, true])
  assert.equal(copies.get(pack)?.length, size)
})

test('a blob that lies whole in another pack is not lost', async () => {
  backend.bringBack(empty)
  await built.snapshot({ file: blobs[0] as Buffer })
  await built.snapshot({ file: blobs[0] as Buffer }, { again: true, time: '2026-01-03T00:00:00Z' })
  const packs = new PackTable((await built.load()).index).packs
  const name = packs.find(({ type }) => type === 'data')?.name as string
  damage(flipAt(60), `pack/${name}`)
  const plan = await repair([name])
  assert.deepEqual([plan.packs[0]?.elsewhere, plan.packs[0]?.lost], [1, []])
  assert.deepEqual(await kinds(), [])
})

test('a blob whose only sound copy waits to be deleted brings that pack back', async () => {
  backend.bringBack(empty)
  await built.snapshot({ file: blobs[0] as Buffer })
  await built.snapshot({ file: blobs[0] as Buffer }, { again: true, time: '2026-01-03T00:00:00Z' })
  const { index } = await built.load()
  const packs = new PackTable(index)
  const named = packs.packs.map(({ name, place, type }) => ({
    type,
    pack: indexedPackOf(index, Buffer.from(name, 'hex'), packs.entriesOf(place)),
  }))
  const [waiting, ...others] = named.toSorted((a, b) => a.type.localeCompare(b.type))
  assert.ok(waiting)
  for (const name of backend.names('index')) backend.files.delete(`index/${name}`)
  const marks = [{ ...waiting.pack, time: '2026-01-01T00:00:00Z', size: 1 }]
  await repository.saveFile(
    'index',
    encodeIndexFile({ packs: others.map((other) => other.pack), packsToDelete: marks }),
  )
  const bad = Buffer.from((others[0] as (typeof others)[number]).pack.id).toString('hex')
  damage(flipAt(60), `pack/${bad}`)
  const plan = await repair([bad])
  assert.deepEqual([plan.packs[0]?.elsewhere, plan.packs[0]?.lost], [1, []])
  assert.deepEqual(await kinds(), [])
})

test('a missing pack leaves the index', async () => {
  backend.bringBack(whole)
  backend.files.delete(`pack/${pack}`)
  const { packs } = await repair()
  assert.deepEqual([packs[0]?.fate, packs[0]?.lost.length], ['forget', 5])
  assert.deepEqual(new Set(await kinds()), new Set(['blobs-missing']))
})

test('a sound pack about which the index is wrong is named anew, and not copied', async () => {
  backend.bringBack(whole)
  const packs = table.packs.map(({ name, place }) => {
    const made = indexedPackOf(wholeIndex, Buffer.from(name, 'hex'), table.entriesOf(place))
    if (name === pack) made.blobs.ids.set(random.bytes(32))
    return made
  })
  for (const name of backend.names('index')) backend.files.delete(`index/${name}`)
  await repository.saveFile('index', encodeIndexFile({ packs }))
  const plan = await repair()
  assert.equal(plan.packs[0]?.fate, 'reindex')
  assert.ok(backend.files.has(`pack/${pack}`))
  assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
})

test('another pack’s content under this name is no sound pack: its blobs are known elsewhere, and the file goes', async () => {
  backend.bringBack(whole)
  const other = table.packs.find(({ name }) => name !== pack)?.name ?? ''
  backend.files.set(`pack/${pack}`, backend.files.get(`pack/${other}`) as Buffer)
  const { packs } = await repair()
  assert.deepEqual([packs[0]?.fate, packs[0]?.lost.length], ['salvage', 5])
  assert.ok(!backend.files.has(`pack/${pack}`))
  assert.deepEqual(new Set(await kinds()), new Set(['blobs-missing']))
})

test('a pack that is not what its name says, though all in it can be opened, is noticed, and no blob is lost', async () => {
  backend.bringBack(whole)
  const before = await readable()
  const bytes = backend.files.get(`pack/${pack}`) as Buffer
  // A header that says the same, sealed anew: everything in the pack opens, and it is not the pack that was stored.
  const { start, end } = locatePackHeader(bytes.length, bytes.subarray(-lengthFieldSize))
  const changed = Buffer.from(bytes)
  repository.codec.sealBytes(repository.codec.openBytes(bytes.subarray(start, end)), changed, start)
  assert.notDeepEqual(changed, bytes)
  backend.files.set(`pack/${pack}`, changed)
  const { packs } = await repair()
  assert.deepEqual([packs[0]?.fate, packs[0]?.lost], ['salvage', []])
  assert.deepEqual([await readable(), await kinds()], [before, []])
})

test('a name that is none, or of several packs, and a damaged index are refused', async () => {
  backend.bringBack(whole)
  await assert.rejects(repair(['ffff'.repeat(16)]), { code: 'PACK_NOT_FOUND' })
  await assert.rejects(repair(['']), { code: 'PACK_NOT_FOUND' })
  const [index = ''] = backend.names('index')
  damage(flipAt(40), `index/${index}`)
  await assert.rejects(repair(), { code: 'INDEX_INCOMPLETE' })
})

test('new packs that the storage does not give back stop the repair before anything is removed', async () => {
  backend.bringBack(whole)
  damage(flipAt(second + 50))
  const before = backend.keep()
  const on = await through([{ on: 'write', type: 'pack', fault: { kind: 'flip', bit: 100 } }])
  await assert.rejects(repair([pack], on), { code: 'STORAGE_UNSTEADY' })
  for (const [key, bytes] of before) assert.deepEqual(backend.files.get(key), bytes)
  backend.bringBack(before)
  assert.equal((await repair()).packs[0]?.fate, 'salvage')
})

test('killed at any change, no blob that could be read is lost, and the next repair ends the work', async () => {
  backend.bringBack(whole)
  damage(flipAt(second + 50))
  const start = backend.keep()
  const before = await readable()
  await repair()
  const { changes } = backend
  assert.ok(changes >= 5)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await repair().catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    assert.deepEqual(await readable(), before, `killed at change ${diesAt}`)
    await repair().catch((thrown: Error) => assert.match(thrown.message, /no pack/))
    assert.deepEqual([await readable(), backend.files.has(`pack/${pack}`)], [before, false])
    assert.deepEqual(new Set(await kinds()), new Set(['blobs-missing']))
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyBackend } from '#backend'
import type { Fault } from '#backend'
import { TestRepository, password } from '../../../test/helpers/build-repository.ts'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { checkRepository } from '../check/check.ts'
import { encodeIndexFile } from '../format/index-file.ts'
import { indexedPackOf } from '../index-packs.ts'
import { loadIndex } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { PackTable } from '../pack-table.ts'
import { prune } from '../prune/prune.ts'
import { openRepository } from '../repository.ts'
import type { Repository } from '../repository.ts'
import { deleteSnapshot } from '../snapshots.ts'
import { executeIndexRepair, planIndexRepair } from './repair-index.ts'
import type { IndexRepairPlan, PlanIndexRepairOptions } from './repair-index.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const random = randomFrom(21)
const shared = { 'a/1': random.bytes(30_000), 'a/2': random.bytes(40_000) }
const old = await built.snapshot({ ...shared, 'old/3': random.bytes(70_000) })
await built.snapshot({ ...shared, 'new/4': random.bytes(70_000) })
const whole = backend.keep()
const needed = await built.provenBlobs()
const packNames = new PackTable((await loadIndex(repository)).index).packs.map(({ name }) => name)
const [somePack = ''] = packNames

async function repair(options: PlanIndexRepairOptions = {}, on: Repository = repository): Promise<IndexRepairPlan> {
  const clock = new JumpingClock()
  await using lock = await lockRepository(on, { exclusive: true, clock })
  const plan = await planIndexRepair(on, { clock, signal: lock.signal, ...options })
  await executeIndexRepair(plan, { lock, signal: lock.signal })
  return plan
}

async function kinds(): Promise<string[]> {
  const { problems } = await checkRepository(repository, { threads: 1, readData: true, clock: new JumpingClock() })
  return problems.map(({ kind }) => kind)
}

function fates({ packs }: IndexRepairPlan): string[] {
  return [...new Set(packs.map(({ fate }) => fate))].toSorted()
}

function without(state: ReadonlyMap<string, Buffer>, type: string): Map<string, Buffer> {
  return new Map([...state].filter(([key]) => !key.startsWith(`${type}/`)))
}

async function through(faults: readonly Fault[]): Promise<Repository> {
  const faulty = new FaultyBackend(backend)
  const opened = await openRepository(faulty, { password })
  for (const fault of faults) faulty.add(fault)
  return opened
}

test('of a sound repository nothing is changed, whether all packs are read or not', async () => {
  for (const readAllPacks of [false, true]) {
    backend.bringBack(whole)
    const plan = await repair({ readAllPacks })
    assert.deepEqual([plan.isEmpty, plan.packs], [true, []])
    assert.deepEqual(backend.names('index').toSorted(), namesIn(whole, 'index'))
  }
})

test('an index that is gone, wholly or in part, comes back from the packs; files that are right stay', async () => {
  const files = namesIn(whole, 'index')
  for (let lost = 1; lost <= files.length; lost++) {
    backend.bringBack(whole)
    for (const name of files.slice(0, lost)) backend.files.delete(`index/${name}`)
    const plan = await repair()
    assert.deepEqual(fates(plan), ['add'])
    assert.deepEqual(await built.provenBlobs(), needed)
    assert.deepEqual(await kinds(), [])
    for (const name of files.slice(lost)) assert.ok(backend.names('index').includes(name))
    assert.ok((await repair()).isEmpty, 'there is nothing left to do')
  }
})

test('a damaged index file is replaced, and only when it is damaged at two looks', async () => {
  backend.bringBack(whole)
  const [name = ''] = backend.names('index')
  flip(`index/${name}`, 40)
  const plan = await repair()
  assert.deepEqual([...plan.damagedFiles.keys()], [name])
  assert.ok(!backend.names('index').includes(name))
  assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
})

test('an index file that is wrong at one look only is not touched', async () => {
  backend.bringBack(whole)
  const [name = ''] = backend.names('index')
  const on = await through([{ on: 'read', type: 'index', name, times: 2, fault: { kind: 'flip', bit: 400 } }])
  const plan = await repair({}, on)
  assert.ok(plan.isEmpty)
  assert.deepEqual(backend.names('index').toSorted(), namesIn(whole, 'index'))
})

test('an index file that a cache keeps wrong is asked of the storage itself', async () => {
  backend.bringBack(whole)
  const [name = ''] = backend.names('index')
  const on = await through([{ on: 'read', type: 'index', name, times: 4, fault: { kind: 'flip', bit: 400 } }])
  await assert.rejects(repair({}, on), { code: 'STORAGE_UNSTEADY' })
  assert.deepEqual(backend.names('index').toSorted(), namesIn(whole, 'index'))
})

test('a missing pack leaves the index, and the files of other packs are whole', async () => {
  backend.bringBack(whole)
  backend.files.delete(`pack/${somePack}`)
  const plan = await repair()
  assert.deepEqual(
    plan.packs.map(({ name, fate }) => [name, fate]),
    [[somePack, 'remove']],
  )
  assert.ok(!(await kinds()).includes('pack-missing'))
})

test('a pack that one listing hides is not called missing', async () => {
  backend.bringBack(whole)
  const on = await through([{ on: 'list', type: 'pack', fault: { kind: 'stale list', hide: [somePack] } }])
  assert.ok((await repair({}, on)).isEmpty)
})

test('a pack that comes back before anything is removed keeps its place in the index', async () => {
  backend.bringBack(whole)
  const bytes = backend.files.get(`pack/${somePack}`) as Buffer
  backend.files.delete(`pack/${somePack}`)
  const clock = new JumpingClock()
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  const plan = await planIndexRepair(repository, { clock })
  backend.files.set(`pack/${somePack}`, bytes)
  await assert.rejects(executeIndexRepair(plan, { lock }), { code: 'REPAIR_OUTDATED' })
  assert.deepEqual(await built.provenBlobs(), needed)
})

test('a pack whose header cannot be read keeps what the index says of it', async () => {
  for (const damage of [(bytes: Buffer) => bytes.subarray(0, -1), (bytes: Buffer) => Buffer.concat([bytes, bytes])]) {
    backend.bringBack(whole)
    backend.files.set(`pack/${somePack}`, damage(backend.files.get(`pack/${somePack}`) as Buffer))
    const plan = await repair()
    assert.deepEqual(fates(plan), ['unreadable'])
    assert.deepEqual([plan.isEmpty, backend.names('index').toSorted()], [true, namesIn(whole, 'index')])
    assert.deepEqual(await built.provenBlobs(), needed)
  }
})

test('a header that is wrong at the first look only counts as right, and one that changes as unsteady', async () => {
  backend.bringBack(without(whole, 'index'))
  const once = await through([{ on: 'read', type: 'pack', name: somePack, fault: { kind: 'flip', bit: -100 } }])
  const plan = await repair({}, once)
  assert.deepEqual([fates(plan), plan.flaky], [['add'], [somePack]])
  backend.bringBack(without(whole, 'index'))
  const twice = await through([
    { on: 'read', type: 'pack', name: somePack, fault: { kind: 'flip', bit: -100 } },
    { on: 'read', type: 'pack', name: somePack, call: 2, fault: { kind: 'flip', bit: -101 } },
  ])
  assert.deepEqual(fates(await repair({}, twice)), ['add', 'unsteady'])
})

test('an index that says something else than the header of a pack is corrected, if all packs are read', async () => {
  backend.bringBack(whole)
  const { index } = await loadIndex(repository)
  const table = new PackTable(index)
  const swapped = table.packs.map(({ name, place }) => {
    const { id, blobs } = indexedPackOf(index, Buffer.from(name, 'hex'), table.entriesOf(place))
    if (name === somePack) blobs.ids.set(random.bytes(32))
    return { id, blobs }
  })
  for (const name of backend.names('index')) backend.files.delete(`index/${name}`)
  await repository.saveFile('index', encodeIndexFile({ packs: swapped }))
  assert.ok((await repair()).isEmpty)
  assert.deepEqual(fates(await repair({ readAllPacks: true })), ['correct'])
  assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
})

test('a pack in two index files is named once afterwards', async () => {
  backend.bringBack(whole)
  const { index } = await loadIndex(repository)
  const table = new PackTable(index)
  const place = table.get(somePack)?.place as number
  const part = indexedPackOf(index, Buffer.from(somePack, 'hex'), table.entriesOf(place).subarray(1))
  await repository.saveFile('index', encodeIndexFile({ packs: [part] }))
  assert.deepEqual(fates(await repair()), ['correct'])
  assert.ok(new PackTable((await loadIndex(repository)).index).packs.every(({ numbers }) => numbers.length === 1))
  assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
})

test('packs that wait to be deleted go on waiting, and come back when a snapshot needs them', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, old)
  const still = await built.provenBlobs()
  const clock = new JumpingClock()
  const limits = { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, clock }
  const { plan: pruned } = await prune(repository, limits)
  const marked = pruned.packs.filter(({ fate }) => fate === 'drop' || fate === 'repack').length
  assert.ok(marked > 0)
  const after = backend.keep()
  assert.ok((await repair()).isEmpty)
  // The index with the marks is replaced: the marks are kept.
  const [damaged = ''] = backend.names('index')
  flip(`index/${damaged}`, 40)
  await repair()
  assert.deepEqual(await built.provenBlobs(), still)
  backend.bringBack(after)
  backend.files.set(`snapshot/${old}`, whole.get(`snapshot/${old}`) as Buffer)
  assert.deepEqual(fates(await repair()), ['undelete'])
  assert.deepEqual([await built.provenBlobs(), await kinds()], [needed, []])
  assert.ok((await repair()).isEmpty)
})

test('marks in a file that is written anew are kept', async () => {
  backend.bringBack(whole)
  const { index } = await loadIndex(repository)
  const table = new PackTable(index)
  const [waiting, gone, ...others] = table.packs.map(({ name, place }) =>
    indexedPackOf(index, Buffer.from(name, 'hex'), table.entriesOf(place)),
  )
  assert.ok(waiting && gone)
  for (const type of ['index', 'snapshot'] as const) {
    for (const name of backend.names(type)) backend.files.delete(`${type}/${name}`)
  }
  const time = '2026-01-01T00:00:00Z'
  const json = encodeIndexFile({ packs: [gone, ...others], packsToDelete: [{ ...waiting, time, size: 5 }] })
  await repository.saveFile('index', json)
  backend.files.delete(`pack/${Buffer.from(gone.id).toString('hex')}`)
  assert.deepEqual(fates(await repair()), ['remove'])
  const marks: unknown[] = []
  await loadIndex(repository, { onFile: (file) => marks.push(...file.marks.map((mark) => [mark.time, mark.size])) })
  assert.deepEqual(marks, [[time, 5]])
})

test('what a prune without free space leaves behind when it is killed is healed', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, old)
  const still = await built.provenBlobs()
  const start = backend.keep()
  const unsafe = { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, unsafeRecoverNoFreeSpace: true } as const
  await prune(repository, { ...unsafe, clock: new JumpingClock() })
  const { changes } = backend
  for (let diesAt = 2; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await prune(repository, { ...unsafe, clock: new JumpingClock() }).catch(() => undefined)
    backend.bringBack(without(backend.keep(), 'lock'))
    await repair()
    assert.deepEqual(await built.provenBlobs(), still, `killed at change ${diesAt}`)
  }
})

test('killed at any change, the index is never worse than before, and the next repair ends the work', async () => {
  backend.bringBack(whole)
  const [first = '', second = ''] = backend.names('index')
  backend.files.delete(`index/${first}`)
  flip(`index/${second}`, 40)
  const start = backend.keep()
  await repair()
  const { changes } = backend
  assert.ok(changes >= 4)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await repair().catch(() => undefined)
    backend.bringBack(without(backend.keep(), 'lock'))
    await repair()
    assert.deepEqual(await built.provenBlobs(), needed, `killed at change ${diesAt}`)
    assert.deepEqual(await kinds(), [])
  }
})

function flip(key: string, at: number): void {
  const bytes = Buffer.from(backend.files.get(key) as Buffer)
  bytes[at] = (bytes[at] as number) ^ 1
  backend.files.set(key, bytes)
}

function namesIn(state: ReadonlyMap<string, Buffer>, type: string): string[] {
  return [...state.keys()]
    .filter((key) => key.startsWith(`${type}/`))
    .map((key) => key.slice(type.length + 1))
    .toSorted()
}

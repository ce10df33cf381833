import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { LocalBackend } from '#backend'
import type { Backend, FileRef } from '#backend'
import { backUp } from '#archiver'
import { checkRepository, deleteSnapshot, initRepository, prune } from '#repository'
import type { Repository } from '#repository'
import { layoutPath } from '../../src/backend/layout.ts'
import { JumpingClock } from '../helpers/jumping-clock.ts'
import { openFiles, password, putKey } from '../helpers/memory-repository.ts'
import { file, memorySource } from '../helpers/memory-source.ts'
import type { MemoryFolder } from '../helpers/memory-source.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import type { Random } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'
import { DiskRecorder, DiskReplay } from '../helpers/volatile-disk.ts'
import type { DiskEvent, Left } from '../helpers/volatile-disk.ts'

/**
 * The power of the machine with the repository is cut (A7 of the failure cases): at every change that the local storage makes,
 * with whatever the disk has kept of what was not synced.
 */

const seed = testSeed()
const identity = { hostname: 'h', username: 'u', uid: 0, gid: 0, tags: [], excludes: [], programVersion: 'test' }
const hour = 3_600_000
const lefts: readonly Left[] = ['what was synced', 'everything', 'some of it']

/** What the storage was asked for, and what it has answered. */
interface Note {
  readonly what: 'deleting' | 'stored' | 'deleted'
  readonly file: FileRef
  readonly hash: string
}

const hashes = new WeakMap<Uint8Array, string>()
const types: Readonly<Record<string, string>> = {
  keys: 'key',
  locks: 'lock',
  snapshots: 'snapshot',
  index: 'index',
  data: 'pack',
}

await using folder = await tempFolder()
const { events, makeReadable } = await live(folder.path)

test('whenever the power is cut, what was reported as stored is there and whole, and nothing half has a name', async () => {
  const random = randomFrom(seed)
  const toOpen = chooseMoments(random)
  let opened = 0
  for (const { files, when, moment, left } of statesAfter(events, random)) {
    if (toOpen.get(moment) !== left) continue
    await assertUsable(await makeReadable(files), when)
    opened++
  }
  assert.equal(opened, toOpen.size)
})

for (const kind of ['file synced', 'folder synced'] as const) {
  test(`a storage that did without "${kind}" would be found out here`, () => {
    const unsynced = events.filter((event) => event.kind !== kind)
    assert.throws(
      () => [...statesAfter(unsynced, randomFrom(seed))],
      /was stored and is gone|is not what was stored|is half/,
    )
  })
}

interface State {
  readonly files: Map<string, Buffer>
  readonly moment: number
  readonly left: Left
  readonly when: string
}

/** Everything that may be found when the power comes back, each proven to keep what was promised. */
function* statesAfter(happened: readonly DiskEvent[], random: Random): Generator<State> {
  const [replay, promises] = [new DiskReplay(), new Promises()]
  for (const [moment, event] of happened.entries()) {
    replay.apply(event)
    if (event.kind === 'note') promises.take(event.note as Note)
    if (event.kind === 'folder') continue
    for (const left of lefts) {
      const files = replay.leftBy(left, random)
      const when = `seed ${seed}, after event ${moment} of ${happened.length} (${event.kind}), ${left} is left`
      promises.assertKept(files, when)
      yield { files, moment, left, when }
    }
  }
}

/** A life of a repository: three backups, forgetting, both phases of prune; every change of its disk written down. */
async function live(path: string) {
  const recorder = new DiskRecorder(path)
  const backend = noting(new LocalBackend(path, { files: recorder.files }), recorder)
  const random = randomFrom(seed)
  const clock = new JumpingClock()
  using repository = await initRepository(backend, { password })
  const options = { identity, threads: 1, packSize: 64 << 10, clock }
  const tree = (prefix: string): MemoryFolder =>
    Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`${prefix}${i}`, file(random.bytes(30_000))]))
  const kept = tree('kept')
  const run = async (data: MemoryFolder) =>
    (await backUp(repository, memorySource({ data }), options)).snapshot as string
  const first = await run({ ...kept, ...tree('old') })
  await run({ ...kept, ...tree('new') })
  await deleteSnapshot(repository, first)
  const limits = { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, clock }
  await prune(repository, limits)
  await clock.sleep(25 * hour)
  await prune(repository, limits)
  await run({ ...kept, ...tree('last') })
  const { masterKey } = repository.settings
  const { keyName } = repository
  return {
    events: recorder.events,
    /** The files in memory, with a key that costs nothing to open and without locks, whose holders have died. */
    makeReadable: async (files: ReadonlyMap<string, Buffer>): Promise<Repository> => {
      const named = new Map([...files].flatMap(([at, bytes]) => (isNamed(at) ? [[keyOf(at), bytes]] : [])))
      for (const key of named.keys()) if (key.startsWith('lock/') || key === `key/${keyName}`) named.delete(key)
      await putKey(named, masterKey)
      return (await openFiles(named)).repository
    },
  }
}

/** Writes down what the storage has promised. */
function noting(backend: LocalBackend, recorder: DiskRecorder): Backend {
  const note = (what: Note['what'], ref: FileRef, hash = '') => recorder.note({ what, file: ref, hash } satisfies Note)
  const write: Backend['write'] = async (ref, bytes, options) => {
    await backend.write(ref, bytes, options)
    note('stored', ref, hashOf(bytes))
  }
  const remove: Backend['delete'] = async (ref, options) => {
    note('deleting', ref)
    await backend.delete(ref, options)
    note('deleted', ref)
  }
  return new Proxy<Backend>(backend, {
    get: (target, property) => {
      if (property === 'write') return write
      if (property === 'delete') return remove
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

class Promises {
  /** What must be there, by its path: the hash of its bytes. */
  readonly #stored = new Map<string, string>()
  /** What must not come back. */
  readonly #gone = new Set<string>()

  take({ what, file: ref, hash }: Note): void {
    const path = layoutPath(ref).join('/')
    if (what === 'stored') this.#stored.set(path, hash)
    if (what === 'deleting') this.#stored.delete(path)
    // A pack or a lock that comes back is in nobody's way.
    if (what === 'deleted' && ['index', 'snapshot', 'key'].includes(ref.type)) this.#gone.add(path)
  }

  assertKept(files: ReadonlyMap<string, Buffer>, when: string): void {
    for (const [path, hash] of this.#stored) {
      const bytes = files.get(path)
      assert.ok(bytes, `${path} was stored and is gone: ${when}`)
      assert.equal(knownHashOf(bytes), hash, `${path} is not what was stored: ${when}`)
    }
    for (const [path, bytes] of files) {
      if (!isNamed(path)) continue
      assert.ok(!this.#gone.has(path), `${path} was deleted and came back: ${when}`)
      if (path !== 'config') assert.equal(knownHashOf(bytes), path.slice(-64), `${path} is half: ${when}`)
      else assert.ok(bytes.length > 0, `the config is empty: ${when}`)
    }
  }
}

/** R1, R4: nothing is missing, and the next backup works. */
async function assertUsable(repository: Repository, when: string): Promise<void> {
  const clock = new JumpingClock()
  for (const isAfterBackup of [false, true]) {
    if (isAfterBackup)
      await backUp(repository, memorySource({ data: { f: file('next') } }), { identity, threads: 1, clock })
    const { problems } = await checkRepository(repository, { threads: 1, clock, readData: true })
    assert.deepEqual(problems, [], when)
  }
}

/** Some moments after which the whole repository is looked at, and what is left then. */
function chooseMoments(random: Random): ReadonlyMap<number, Left> {
  const isInit = (event: DiskEvent) => event.kind === 'note' && (event.note as Note).file.type === 'config'
  const after = [...events.keys()].filter((moment) => moment > events.findIndex(isInit))
  const moments = after.filter((moment) => events[moment]?.kind !== 'folder')
  return new Map(Array.from({ length: 6 }, (_, i) => [random.pick(moments), lefts[i % lefts.length] as Left]))
}

/** Of bytes that nobody changes any more: they come again and again. */
function knownHashOf(bytes: Uint8Array): string {
  const known = hashes.get(bytes) ?? hashOf(bytes)
  hashes.set(bytes, known)
  return known
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Whether it counts as a file of the repository, and is not a temporary one. */
function isNamed(path: string): boolean {
  return path === 'config' || /(?:^|\/)[0-9a-f]{64}$/.test(path)
}

function keyOf(path: string): string {
  const parts = path.split('/')
  return path === 'config' ? 'config/' : `${types[parts[0] as string]}/${parts.at(-1)}`
}

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { LocalBackend } from '#backend'
import {
  checkRepository,
  countStats,
  deleteSnapshot,
  findUsed,
  loadIndex,
  loadSnapshots,
  openRepository,
  prune,
  statsModes,
} from '#repository'
import type { PrunePlan } from '#repository'
import { TestRepository, password } from '../helpers/build-repository.ts'
import { JumpingClock } from '../helpers/jumping-clock.ts'
import { missing, peer } from '../helpers/peers.ts'
import type { PeerName } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { randomFrom } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'
import type { TempFolder } from '../helpers/temp.ts'

const hour = 3_600_000
const versions = ['restic', 'restic-0.14'] as const
const noUnused = { maxUnused: { bytes: 0 }, threads: 1 } as const

async function restic(folder: TempFolder, args: readonly string[], program: PeerName = 'restic'): Promise<string> {
  const env = {
    RESTIC_PASSWORD: password,
    RESTIC_REPOSITORY: folder.join('repo'),
    RESTIC_CACHE_DIR: folder.join('cache'),
  }
  return await runOk(peer(program), args, { env })
}

async function assertSound(folder: TempFolder): Promise<void> {
  for (const version of versions) {
    if (!missing(version)) await restic(folder, ['check', '--read-data'], version)
  }
}

/** A repository by restic with four snapshots of changing files. */
async function makeByRestic(folder: TempFolder): Promise<void> {
  const random = randomFrom(5)
  await restic(folder, ['init', '-q'])
  for (let round = 0; round < 4; round++) {
    mkdirSync(folder.join('source', `round ${round}`), { recursive: true })
    for (let i = 0; i < 12; i++) {
      const content = i % 3 === 0 ? Buffer.alloc(50_000 + i, `text ${round} `) : random.bytes(10_000 + i * 4_000)
      writeFileSync(folder.join('source', `round ${round}`, `file ${i}`), content)
    }
    await restic(folder, ['backup', '-q', folder.join('source')])
    if (round > 0) rmSync(folder.join('source', `round ${round - 1}`, 'file 5'))
  }
}

test('restic finds nothing wrong at any step of our prune', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const built = await TestRepository.create()
  const random = randomFrom(9)
  const file = (i: number) => [`folder ${i % 2}/file ${i}`, random.bytes(30_000)] as const
  const shared = Object.fromEntries([1, 2, 3].map(file))
  const old = await built.snapshot({ ...shared, ...Object.fromEntries([4, 5, 6, 7, 8].map(file)) })
  await built.snapshot({ ...shared, ...Object.fromEntries([9, 10].map(file)) })
  await deleteSnapshot(built.repository, old)
  const clock = new JumpingClock()
  const steps: string[] = []
  for (const wait of [0, 1, 24, 1]) {
    await clock.sleep(wait * hour)
    const { result } = await prune(built.repository, { ...noUnused, clock, packSize: 64 << 10 })
    steps.push(`${(result?.markedPacks ?? 0) > 0}/${(result?.deletedPacks ?? 0) > 0}`)
    rmSync(folder.join('repo'), { recursive: true, force: true })
    await built.writeTo(folder.join('repo'))
    await assertSound(folder)
  }
  assert.deepEqual(steps, ['true/false', 'false/false', 'false/true', 'false/false'])
})

test('killed after every other change, it leaves what restic finds sound', { skip: missing('restic') }, async () => {
  const built = await TestRepository.create()
  const random = randomFrom(10)
  const shared = { 'a/1': random.bytes(40_000), 'a/2': random.bytes(40_000) }
  const old = await built.snapshot({ ...shared, 'b/3': random.bytes(50_000), 'b/4': random.bytes(50_000) })
  await built.snapshot({ ...shared, 'c/5': random.bytes(1_000) })
  await deleteSnapshot(built.repository, old)
  const { backend } = built
  const start = backend.keep()
  const options = { ...noUnused, packSize: 64 << 10, keepDeleted: 0 }
  const { plan } = await prune(built.repository, { ...options, clock: new JumpingClock() })
  assert.ok(plan.stats.packs.byFate.repack > 0)
  for (let diesAt = 2, changes = backend.changes; diesAt < changes; diesAt += 2) {
    await using folder = await tempFolder()
    backend.bringBack(start)
    backend.diesAt = diesAt
    await prune(built.repository, { ...options, clock: new JumpingClock() }).catch(() => undefined)
    await built.writeTo(folder.join('repo'))
    await restic(folder, ['check', '--read-data'])
  }
})

test('our plan says what restic’s says, and our counts are restic’s', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  await makeByRestic(folder)
  await using backend = new LocalBackend(folder.join('repo'))
  using repository = await openRepository(backend, { password })
  await restic(folder, ['forget', '-q', '--keep-last', '1'])
  for (const [maxUnused, limit] of [
    ['0', { bytes: 0 }],
    ['5%', { percent: 5 }],
    ['unlimited', 'unlimited'],
  ] as const) {
    const theirs = await restic(folder, ['prune', '--dry-run', '-v', '--max-unused', maxUnused])
    const { plan } = await prune(repository, { threads: 1, maxUnused: limit, dryRun: true, noLock: true })
    assert.deepEqual(planOfRestic(theirs), planOfOurs(plan), maxUnused)
  }
  const indexed = await loadIndex(repository)
  const roots = (await loadSnapshots(repository)).map(({ tree }) => tree)
  for (const mode of statsModes) {
    const theirs = JSON.parse(await restic(folder, ['stats', '--json', '--mode', mode])) as Record<string, number>
    const ours = await countStats(indexed, roots, { mode })
    assert.deepEqual(
      [Number(ours.size), ours.files, ours.blobs, ours.snapshots],
      [
        theirs['total_size'],
        theirs['total_file_count'] ?? 0,
        theirs['total_blob_count'] ?? 0,
        theirs['snapshots_count'],
      ],
      mode,
    )
    if (!ours.compression) continue
    assert.equal(Number(ours.compression.uncompressedSize), theirs['total_uncompressed_size'])
    assert.equal(ours.compression.ratio, theirs['compression_ratio'])
    assert.equal(ours.compression.saving, theirs['compression_space_saving'])
  }
  const used = await findUsed(indexed, roots)
  assert.equal(used.count, (await countStats(indexed, roots, { mode: 'raw-data' })).blobs)
})

for (const version of versions) {
  test(
    `prune takes turns with ${version}, and both find the other’s work sound`,
    { skip: missing(version) },
    async () => {
      await using folder = await tempFolder()
      await makeByRestic(folder)
      await using backend = new LocalBackend(folder.join('repo'))
      using repository = await openRepository(backend, { password })
      const check = async () => {
        await assertSound(folder)
        const result = await checkRepository(repository, { threads: 1, readData: true })
        assert.deepEqual(result.problems, [])
      }
      await restic(folder, ['forget', '-q', '--keep-last', '3'], version)
      await prune(repository, noUnused) // marks
      await check()
      await restic(folder, ['forget', '-q', '--keep-last', '2'], version)
      await restic(folder, ['prune', '-q', '--max-unused', '0'], version)
      await check()
      writeFileSync(folder.join('source', 'one more'), 'text')
      await restic(folder, ['backup', '-q', folder.join('source')], version)
      await restic(folder, ['forget', '-q', '--keep-last', '1'], version)
      const { result } = await prune(repository, { ...noUnused, keepDeleted: 0 })
      assert.ok((result?.deletedPacks ?? 0) > 0)
      await check()
      await restic(folder, ['restore', 'latest', '-q', '--target', folder.join('restored')], version)
    },
  )
}

interface PlanLines {
  readonly used: string
  readonly unused: string
  readonly repack: string
  readonly removes: string
  readonly remaining: string
  readonly packs: string
}

function planOfRestic(text: string): PlanLines {
  const line = (name: string) => new RegExp(`^${name}: +(\\d+) blobs`, 'm').exec(text)?.[1] ?? '0'
  const packs = (name: string) => new RegExp(`^${name}: +(\\d+)(?: packs)?$`, 'm').exec(text)?.[1] ?? '0'
  return {
    used: line('used'),
    unused: line('unused'),
    repack: line('to repack'),
    removes: line('total prune'),
    remaining: line('remaining'),
    packs: ['totally used packs', 'partly used packs', 'unused packs', 'to keep', 'to repack'].map(packs).join(' '),
  }
}

function planOfOurs({ stats }: PrunePlan): PlanLines {
  const { packs } = stats
  return {
    used: String(stats.used.blobs),
    unused: String(stats.unused.blobs),
    repack: String(stats.repack.blobs),
    removes: String(stats.repackRemove.blobs + stats.remove.blobs),
    remaining: String(stats.remaining.blobs),
    packs: [packs.used, packs.partlyUsed, packs.unused, packs.byFate.keep, packs.byFate.repack].join(' '),
  }
}

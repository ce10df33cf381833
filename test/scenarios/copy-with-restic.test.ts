/** Copies and tags, made by Understudy and restic in turns: either passes over what the other has done. */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cheapenKey } from '../helpers/cheap-key.ts'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { run, runOk, start } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const skip = { skip: missing('restic') }
const seed = testSeed()

/** Two repositories that cut alike, the first with two snapshots. */
class Pair implements AsyncDisposable {
  readonly first: Scene
  readonly second: string
  readonly env: Readonly<Record<string, string>>

  private constructor(first: Scene) {
    this.first = first
    this.second = `${first.folder}/second`
    this.env = {
      ...first.env,
      RESTIC_REPOSITORY: this.second,
      RESTIC_FROM_REPOSITORY: first.repository,
      RESTIC_FROM_PASSWORD: first.password,
    }
  }

  static async open(): Promise<Pair> {
    const first = await Scene.open()
    makeTree(first.source, { seed, files: 12, biggest: 200_000, depth: 3 })
    await first.init()
    await first.understudy('backup', '--tag', 'one', first.source)
    appendFileSync(`${first.source}/more`, randomFrom(seed).bytes(2_000_000))
    await first.restic('backup', first.source)
    const pair = new Pair(first)
    await pair.ours('init', '--copy-chunker-params')
    cheapenKey(pair.second, first.password)
    return pair
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.first[Symbol.asyncDispose]()
  }

  async ours(...args: readonly string[]): Promise<string> {
    return await runOk(process.execPath, [program, ...args], { env: this.env })
  }

  async restic(...args: readonly string[]): Promise<string> {
    return await runOk(peer('restic'), args, { env: this.env })
  }

  async copies(): Promise<readonly Listed[]> {
    return JSON.parse(await this.restic('snapshots', '--json')) as Listed[]
  }

  async originals(): Promise<readonly Listed[]> {
    return JSON.parse(await this.first.restic('snapshots', '--json')) as Listed[]
  }
}

interface Listed {
  readonly id: string
  readonly tree: string
  readonly original?: string
  readonly parent?: string
  readonly tags?: readonly string[]
}

function lines(text: string): Record<string, unknown>[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
}

test(
  'what we copy is what restic copies, and neither copies again what the other has copied; tags likewise',
  skip,
  async () => {
    await using pair = await Pair.open()
    await copiesAlike(pair)
    await tagsAlike(pair)
  },
)

async function copiesAlike(pair: Pair): Promise<void> {
  const originals = await pair.originals()
  await pair.ours('copy', originals[0]?.id ?? '')
  assert.match(await pair.restic('copy', '-v'), /was already copied to snapshot/)
  const summary = lines(await pair.ours('copy', '--json')).at(-1)
  assert.deepEqual([summary?.snapshots_copied, summary?.snapshots_skipped], [0, 2])
  const copies = await pair.copies()
  assert.deepEqual(
    copies.map(({ tree, original, parent }) => [tree, original, parent]),
    originals.map(({ tree, id }) => [tree, id, undefined]),
  )
  await pair.restic('check', '--read-data')
  const target = `${pair.first.folder}/out`
  await pair.restic('restore', 'latest', '--target', target)
  assert.deepEqual(readFileSync(`${target}${pair.first.source}/more`), readFileSync(`${pair.first.source}/more`))
}

async function tagsAlike(pair: Pair): Promise<void> {
  const before = await pair.copies()
  const ours = lines(await pair.ours('tag', '--add', 'kept,safe', '--remove', 'one', '--json'))
  await pair.restic('tag', '--set', 'other', 'latest')
  const its = lines(await pair.restic('tag', '--add', 'more', '--json'))
  assert.deepEqual(ours.map(Object.keys), its.map(Object.keys))
  const after = await pair.copies()
  assert.deepEqual(
    after.map(({ tags }) => tags),
    [
      ['kept', 'safe', 'more'],
      ['other', 'more'],
    ],
  )
  assert.deepEqual(
    after.map(({ original }) => original),
    before.map(({ original }) => original),
  )
  assert.match(await pair.ours('tag', '--add', 'more'), /no snapshots were modified/)
  // What a script has in an empty variable is no tag.
  assert.match(await pair.ours('tag', '--add', ''), /no snapshots were modified/)
  const { code, stderr } = await run(process.execPath, [program, 'tag'], { env: pair.env })
  assert.deepEqual([code, /USAGE/.test(stderr)], [1, true])
}

test('a copy by either is as large, and a new backup shares its data', skip, async () => {
  await using pair = await Pair.open()
  await pair.ours('copy')
  const stats = JSON.parse(await pair.ours('stats', '--mode', 'raw-data', '--json')) as { total_size: number }
  rmSync(pair.second, { recursive: true })
  await pair.restic('init', '--copy-chunker-params')
  await pair.restic('copy')
  const its = JSON.parse(await pair.restic('stats', '--mode', 'raw-data', '--json')) as { total_size: number }
  assert.ok(stats.total_size <= its.total_size * 1.01, `${stats.total_size} against ${its.total_size}`)
  const summary = lines(await pair.ours('backup', '--json', '--force', pair.first.source)).at(-1)
  assert.equal(summary?.data_blobs, 0)
})

test(
  'filters, a dry run and the lock of the source are as restic has them; a warning says that cuts differ',
  skip,
  async () => {
    await using pair = await Pair.open()
    const dry = lines(await pair.ours('copy', '--dry-run', '--json', '--tag', 'one'))
    assert.deepEqual(
      dry.map(({ message_type }) => message_type),
      ['would_copy'],
    )
    assert.equal((await pair.copies()).length, 0)
    await pair.ours('copy', '--tag', 'one', '--no-lock')
    assert.deepEqual(
      (await pair.copies()).map(({ tags }) => tags),
      [['one']],
    )
    rmSync(pair.second, { recursive: true })
    await pair.ours('init')
    const { stderr, code } = await run(process.execPath, [program, 'copy', '-q'], { env: pair.env })
    assert.deepEqual([code, /warning: the two repositories cut files at different places/.test(stderr)], [0, true])
    const none = await run(process.execPath, [program, 'copy'], {
      env: { ...pair.env, RESTIC_FROM_REPOSITORY: undefined },
    })
    assert.deepEqual([none.code, /--from-repo/.test(none.stderr)], [1, true])
  },
)

test('a copy that is killed at any time goes on, and leaves nothing false', skip, async () => {
  await using pair = await Pair.open()
  const random = randomFrom(seed)
  for (let round = 0; round < 2; round++) {
    await using copy = start(process.execPath, [program, 'copy', '--pack-size', '4'], { env: pair.env })
    await sleep(300 + random.below(500))
    copy.kill('SIGKILL')
    await copy.result.catch(() => undefined)
    await pair.restic('unlock')
    await pair.restic('check')
  }
  await pair.ours('copy')
  assert.equal((await pair.copies()).length, 2)
  await pair.restic('check', '--read-data')
})

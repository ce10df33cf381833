import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { backUp } from '#archiver'
import type { BackUpOptions } from '#archiver'
import { compileExcludes, createFileSource } from '#filesystem'
import type { ExcludeOptions } from '#filesystem'
import { makeTree } from '../helpers/make-tree.ts'
import { initInMemory } from '../helpers/memory-repository.ts'
import type { InMemory } from '../helpers/memory-repository.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import type { Random } from '../helpers/seed.ts'
import { tempFolder } from '../helpers/temp.ts'

/**
 * When a display is content with sums, threads find out which folders are as they were. What they say must make the same
 * snapshot as the walk that looks at everything itself, whatever was done to the tree since.
 */

const identity = { hostname: 'h', username: 'u', uid: 0, gid: 0, tags: [], excludes: [], programVersion: 'test' }

interface Made {
  readonly tree: string
  readonly snapshot: string
  readonly counts: unknown
}

class Comparison {
  readonly #inMemory: InMemory
  readonly #root: string
  readonly #excludes: ExcludeOptions
  #parent: string | undefined

  constructor(inMemory: InMemory, root: string, excludes: ExcludeOptions = {}) {
    this.#inMemory = inMemory
    this.#root = root
    this.#excludes = excludes
  }

  /** Backs up in both ways against the same parent, and says by how many files the threads were believed. */
  async compare(when: string): Promise<number> {
    let believed = 0
    const careful = await this.#backUp({})
    const quick = await this.#backUp({ onUnchanged: (files) => (believed += files) })
    assert.equal(quick.tree, careful.tree, when)
    assert.deepEqual(quick.counts, careful.counts, when)
    this.#parent = quick.snapshot
    return believed
  }

  async #backUp(options: Partial<BackUpOptions>): Promise<Made> {
    // Relative, so that the snapshot holds no folder above, which others may change meanwhile.
    const source = await createFileSource([basename(this.#root)], {
      workingFolder: Buffer.from(dirname(this.#root)),
      excludes: compileExcludes(this.#excludes),
    })
    const parent = this.#parent
    const force = parent === undefined
    const result = await backUp(this.#inMemory.repository, source, { identity, threads: 1, parent, force, ...options })
    const { dataAdded: _, dataAddedPacked: __, dataBlobs: ___, treeBlobs: ____, ...counts } = result.counts
    assert.deepEqual(result.problems, [])
    return { tree: result.tree.toString('hex'), snapshot: result.snapshot as string, counts }
  }
}

test('a tree that is changed at random gives the same snapshots, whoever looks', async () => {
  const seed = testSeed()
  const random = randomFrom(seed)
  await using folder = await tempFolder()
  const root = folder.join('tree')
  makeTree(root, { seed, files: 60, depth: 5, biggest: 20_000 })
  for (let i = 0; i < 30; i++) writeSome(root, random, i)
  const both = new Comparison(await initInMemory(), root)
  await both.compare('at first')
  assert.ok((await both.compare('nothing changed')) > 50)
  for (let round = 0; round < 6; round++) {
    const done = Array.from({ length: 1 + random.below(6) }, () => changeSomething(root, random, round))
    await both.compare(`seed ${seed}, round ${round}: ${done.join(', ')}`)
  }
})

test('excludes hold for threads as for the walk', async () => {
  await using folder = await tempFolder()
  const root = folder.join('tree')
  for (const name of ['keep', 'cache/deep', 'tagged/deep', 'logs']) mkdirSync(join(root, name), { recursive: true })
  for (const name of ['keep/a', 'keep/a.tmp', 'cache/b', 'cache/deep/c', 'tagged/d', 'tagged/deep/e', 'logs/F.LOG']) {
    writeFileSync(join(root, name), name)
  }
  writeFileSync(join(root, 'tagged/.nobackup'), '')
  writeFileSync(join(root, 'keep/large'), Buffer.alloc(5000))
  const excludes = {
    patterns: ['*.tmp', `${root}/cache/deep`],
    insensitivePatterns: ['*.log'],
    ifPresent: ['.nobackup'],
    largerThan: '4k',
  }
  const both = new Comparison(await initInMemory(), root, excludes)
  await both.compare('at first')
  assert.equal(await both.compare('nothing changed'), 3) // a, b, .nobackup
  writeFileSync(join(root, 'keep/b.tmp'), 'excluded')
  await both.compare('something excluded was added')
  rmSync(join(root, 'tagged/.nobackup'))
  await both.compare('what was excluded is not any more')
  await both.compare('nothing changed again')
})

function changeSomething(root: string, random: Random, round: number): string {
  const entry = anyEntry(root, random)
  const stat = lstatSync(entry)
  if (!stat.isFile() && !stat.isDirectory()) return replaceByLink(entry, round)
  const kind = random.below(6)
  if (kind === 0) return writeSome(stat.isDirectory() ? entry : root, random, 1000 + round)
  if (kind === 1) rmSync(entry, { recursive: true })
  else if (kind === 2) chmodSync(entry, stat.isDirectory() ? 0o750 : 0o640)
  else if (kind === 3) utimesSync(entry, round, round)
  else if (kind === 4) renameSync(entry, `${entry}-${round}`)
  else if (stat.isFile()) appendFileSync(entry, `more ${round}`)
  else return replaceByLink(entry, round)
  return `${kind} ${entry}`
}

function writeSome(folder: string, random: Random, i: number): string {
  const inside = join(folder, `new-${i % 7}`, `below-${i % 3}`)
  mkdirSync(inside, { recursive: true })
  writeFileSync(join(inside, `file-${i}`), random.bytes(random.below(3000)))
  return `wrote ${inside}`
}

function replaceByLink(entry: string, round: number): string {
  rmSync(entry, { recursive: true, force: true })
  symlinkSync(`nowhere-${round}`, entry)
  return `link ${entry}`
}

/** Some entry below the root with a name that is text. No symlink is followed: what they lead to is none of ours. */
function anyEntry(root: string, random: Random): string {
  const found: string[] = []
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!/^[\w.-]+$/.test(entry.name)) continue
      found.push(join(folder, entry.name))
      if (entry.isDirectory()) folders.push(join(folder, entry.name))
    }
  }
  return random.pick(found)
}

import assert from 'node:assert/strict'
import { closeSync, writeSync } from 'node:fs'
import { test } from 'node:test'

import { backUp } from '#archiver'
import { copyOf, initInMemory } from '../../test/helpers/memory-repository.ts'
import { makePipe } from './platform/pipe.ts'
import { createStreamTree } from './stream-tree.ts'
import type { StreamContent, StreamFile } from './stream-tree.ts'

const linuxOnly = { skip: process.platform !== 'linux' && 'needs pipes of Linux' }
const made = linuxOnly.skip ? undefined : await initInMemory()
const identity = { hostname: 'here', username: 'ann', uid: 0, gid: 0, tags: [], excludes: [], programVersion: 'test' }

/** What became of each file. */
interface Life {
  readonly events: string[]
  tail?: string
  bytes?: number
}

/** A file whose content is written when it is started; `silent` is never closed. */
function file(
  path: string,
  text: string,
  life: Life,
  { verdict, silent = false }: { verdict?: Error; silent?: boolean } = {},
): StreamFile {
  return {
    path,
    start: async (): Promise<StreamContent> => {
      const { reading, writing } = makePipe()
      life.events.push(`start ${path}`)
      if (text !== '') writeSync(writing, text)
      let isOpen = true
      const stop = () => {
        if (isOpen) closeSync(writing)
        isOpen = false
      }
      if (!silent) stop()
      return {
        descriptor: reading,
        stop,
        finish: async ({ bytes, tail, interrupted }) => {
          life.events.push(`finish ${path}`)
          Object.assign(life, { bytes, tail: tail.toString() })
          const wrong = verdict ?? interrupted
          if (wrong) throw wrong
        },
        [Symbol.asyncDispose]: async () => {
          stop()
          closeSync(reading)
          life.events.push(`end ${path}`)
        },
      }
    },
  }
}

async function store(
  files: readonly StreamFile[],
  options: { longestSilence?: number; finish?: () => Promise<void>; signal?: AbortSignal } = {},
) {
  const { repository } = await copyOf(made as NonNullable<typeof made>)
  await using source = createStreamTree(files, { paths: ['/dumps'], longestSilence: 60_000, ...options })
  const { counts, problems, snapshot } = await backUp(repository, source, { identity, threads: 1, ...options })
  return { counts, snapshot, problems: problems.map(({ path, error }) => [path.toString(), error.message]) }
}

test(
  'files are made one after the other, when they are read, and are in the snapshot when they are good',
  linuxOnly,
  async () => {
    const life: Life = { events: [] }
    const { counts, problems } = await store([
      file('dumps/b', 'second', life),
      file('dumps/a', 'x'.repeat(5000), life),
      file('other', '', life),
      file('bad', 'half', life, { verdict: new Error('cut off') }),
      { path: 'unmade', start: async () => Promise.reject(new Error('no program')) },
    ])
    assert.deepEqual([counts.filesNew, counts.totalBytesProcessed], [3, 5006n])
    assert.deepEqual(Object.fromEntries(problems), { '/bad': 'cut off', '/unmade': 'no program' })
    const order = ['bad', 'dumps/a', 'dumps/b', 'other']
    assert.deepEqual(
      life.events,
      order.flatMap((path) => [`start ${path}`, `finish ${path}`, `end ${path}`]),
    )
  },
)

test('who made a file is told how much was read, and the end of it', linuxOnly, async () => {
  for (const text of ['short', `${'x'.repeat(3000)} the end`, 'y'.repeat(1024)]) {
    const life: Life = { events: [] }
    await store([file('a', text, life)])
    assert.deepEqual([life.bytes, life.tail], [text.length, text.slice(-1024)])
  }
})

test('a file that brings nothing any more is ended, and the others are stored', linuxOnly, async () => {
  const life: Life = { events: [] }
  const files = [file('a', 'half', life, { silent: true }), file('b', 'whole', life)]
  const { counts, problems } = await store(files, { longestSilence: 200 })
  assert.deepEqual([counts.filesNew, problems.map(([path]) => path)], [1, ['/a']])
  assert.match(problems[0]?.[1] as string, /^Nothing has come for/)
})

test('what holds a pipe open for ever does not hold the backup', linuxOnly, async () => {
  const life: Life = { events: [] }
  const held = file('a', 'half', life, { silent: true })
  const start = async () => ({ ...(await held.start()), stop: () => undefined })
  const { problems } = await store([{ path: 'a', start }, file('b', 'whole', life)], { longestSilence: 200 })
  assert.deepEqual(
    problems.map(([path]) => path),
    ['/a'],
  )
})

test('a backup that is cancelled ends what is being made, and makes nothing more', linuxOnly, async () => {
  const life: Life = { events: [] }
  const controller = new AbortController()
  const never = file('a', 'half', life, { silent: true })
  const start = async () => {
    const content = await never.start()
    setTimeout(() => controller.abort(new Error('enough')), 50)
    return content
  }
  await assert.rejects(store([{ path: 'a', start }, file('b', 'more', life)], { signal: controller.signal }), /enough/)
  assert.deepEqual(
    life.events.filter((event) => event.endsWith(' b')),
    [],
  )
  assert.ok(life.events.includes('end a'))
})

test('the source has the last word on the snapshot', linuxOnly, async () => {
  const finish = async () => Promise.reject(new Error('all for nothing'))
  await assert.rejects(store([file('a', 'x', { events: [] })], { finish }), /all for nothing/)
})

test('names that lead elsewhere, and two files at one place, are refused', linuxOnly, () => {
  const life: Life = { events: [] }
  const create = (...paths: string[]) =>
    createStreamTree(
      paths.map((path) => file(path, '', life)),
      { paths: [], longestSilence: 1 },
    )
  for (const path of ['', '/a', 'a/../b', 'a//b', '.', 'a\0'])
    assert.throws(() => create(path), { code: 'FILENAME_INVALID' })
  for (const paths of [
    ['a', 'a'],
    ['a', 'a/b'],
    ['a/b', 'a'],
  ])
    assert.throws(() => create(...paths), { code: 'TARGET_TWICE' })
})

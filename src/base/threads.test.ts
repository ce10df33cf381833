import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { tempFolder } from '../../test/helpers/temp.ts'
import { ThreadPool, WarmThreads } from './threads.ts'

const threads = new URL('./threads.ts', import.meta.url).href

/** A thread that gives its data back, after it has waited for something else on the way. */
const echo = `
  import { serveThread, threadData } from '${threads}'
  const data = await threadData()
  await new Promise((resolve) => setTimeout(resolve, 20))
  serveThread({ data: () => data, preloaded: () => globalThis.preloaded === true })
`

async function echoModule() {
  const folder = await tempFolder()
  writeFileSync(folder.join('echo.mjs'), echo)
  writeFileSync(folder.join('preload.mjs'), 'globalThis.preloaded = true')
  const at = (name: string) => pathToFileURL(folder.join(name))
  return Object.assign(folder, { module: at('echo.mjs'), preload: at('preload.mjs'), absent: at('absent.mjs') })
}

test('threads that were started early are taken over with their data, and more are started as they are needed', async () => {
  await using folder = await echoModule()
  const { module } = folder
  await using warm = new WarmThreads(module, 1, [folder.absent, folder.preload])
  await using pool = new ThreadPool({ module, threads: 2, data: 'what for', warm })
  assert.deepEqual(await pool.runInEach('data', undefined), ['what for', 'what for'])
  const preloaded = await pool.runInEach<boolean>('preloaded', undefined)
  assert.deepEqual(
    preloaded.map(Number).toSorted((a, b) => a - b),
    [0, 1],
  )
})

test('threads that nobody takes over end when they are given up, at any moment', async () => {
  await using folder = await echoModule()
  for (const wait of [0, 1, 30]) {
    await using _ = new WarmThreads(folder.module, 2)
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
})

test('a module that cannot run is told by the pool that takes the thread over', async () => {
  await using folder = await echoModule()
  await using warm = new WarmThreads(folder.absent, 1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await using pool = new ThreadPool({ module: folder.absent, threads: 1, data: undefined, warm })
  await assert.rejects(pool.run('data', undefined), { code: 'THREAD_DIED' })
})

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MemoryLimit, cannotLimitMemory } from '../helpers/memory-limit.ts'
import { missing } from '../helpers/peers.ts'
import { run } from '../helpers/run.ts'
import type { RunResult } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** Wide folders and many of them, in little memory, and too little (A13 and E10 of the failure cases, at a modest size). */

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const skip = cannotLimitMemory() || missing('restic')
const mebibyte = 1 << 20

let scene: Scene

before(async () => {
  if (skip !== false) return
  scene = await Scene.open()
  const random = randomFrom(testSeed())
  for (const folder of ['wide', 'many', 'large']) mkdirSync(`${scene.source}/${folder}`)
  for (let i = 0; i < 12_000; i++) writeFileSync(`${scene.source}/wide/one of very many files ${i}`, '')
  for (let i = 0; i < 4_000; i++) mkdirSync(`${scene.source}/many/folder ${i}`)
  for (let i = 0; i < 3; i++) writeFileSync(`${scene.source}/large/${i}`, random.bytes(12 * mebibyte))
  await scene.init()
})

after(async () => {
  if (skip === false) await scene[Symbol.asyncDispose]()
})

async function within(
  mebibytes: number,
  ...args: readonly string[]
): Promise<RunResult & { readonly wasKilled: boolean }> {
  using limit = MemoryLimit.of(mebibytes * mebibyte)
  const result = await run(...limit.command(process.execPath, [program, ...args]), { env: scene.env })
  return { ...result, wasKilled: limit.kills > 0 }
}

test('a backup that the kernel kills for want of memory leaves a sound repository', { skip }, async () => {
  const ends = []
  for (const mebibytes of [48, 120]) {
    const { code, wasKilled, stderr } = await within(mebibytes, 'backup', scene.source)
    ends.push(wasKilled)
    // Threads that find no memory may still be able to say so.
    assert.ok(wasKilled || code === 0 || /^Fatal: .* \([A-Z_]+\)$/m.test(stderr), `${mebibytes} MiB: ${code} ${stderr}`)
    if (wasKilled) assert.notEqual(code, 0)
  }
  assert.equal(ends[0], true)
  await scene.restic('unlock') // restic does so only when asked
  await scene.assertSound()
})

test('256 MiB are enough to back up, check and restore 16,000 entries and large files', { skip }, async () => {
  for (const args of [
    ['backup', '--force', scene.source],
    ['check', '--read-data'],
    ['restore', 'latest', '--target', `${scene.folder}/back`, '--include', `${scene.source}/large`],
  ]) {
    const { code, wasKilled, stderr } = await within(256, ...args)
    assert.deepEqual([code, wasKilled], [0, false], `${args.join(' ')}: ${stderr}`)
  }
})

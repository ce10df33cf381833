import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run, runOk } from '../helpers/run.ts'
import type { RunResult } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom } from '../helpers/seed.ts'

/**
 * A mistake in the program itself, met where blobs are opened, ends the run and says so. Were it taken for damage, `check`
 * would call a sound repository damaged, and `repair` would throw away what is right.
 */

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const broken = new URL('../helpers/broken-decoder.ts', import.meta.url).href

let scene: Scene
let other: Scene
let files: string
let packs: string[]

before(async () => {
  scene = await Scene.open()
  other = await Scene.open()
  await scene.init()
  await other.init()
  const random = randomFrom(5)
  mkdirSync(`${scene.source}/folder`)
  for (let i = 0; i < 6; i++) writeFileSync(`${scene.source}/folder/${i}`, random.bytes(200_000))
  await scene.understudy('backup', scene.source)
  await scene.understudy('backup', '--tag', 'second', '--force', '--exclude', '[12]', scene.source)
  const [first] = JSON.parse(await scene.understudy('snapshots', '--json')) as { id: string }[]
  await scene.understudy('forget', first?.id as string) // so that prune has something to pack anew
  packs = scene.packs()
  files = await everyFile()
})

after(async () => {
  await scene[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

async function everyFile(): Promise<string> {
  return await runOk('sh', [
    '-c',
    `cd ${scene.repository} && find . -type f ! -path './locks/*' -exec sha256sum {} + | sort`,
  ])
}

const commands: Readonly<Record<'main thread' | 'worker threads', () => readonly (readonly string[])[]>> = {
  'main thread': () => [
    ['check'],
    ['find', '0'],
    ['prune', '--max-unused', '0'],
    ['repair', 'packs', ...packs],
    ['repair', 'snapshots', '--forget'],
    ['rewrite', '--exclude', 'nothing', '--forget'],
  ],
  'worker threads': () => [
    ['check', '--read-data'],
    ['restore', 'latest', '--target', `${scene.folder}/restored`],
    ['dump', 'latest', `${scene.source}/folder/0`],
    ['copy', '--repo', other.repository, '--from-repo', scene.repository],
    ['prune', '--max-unused', '0'],
  ],
}

for (const where of ['main thread', 'worker threads'] as const) {
  test(`a mistake where blobs are opened, in the ${where}, ends every command as a mistake, and changes nothing`, async () => {
    for (const command of commands[where]()) {
      const { code, stdout, stderr } = await tryBroken(where, command)
      const said = `${command.join(' ')}: ${code}\n${stdout}${stderr}`
      assert.equal(code, 1, said)
      assert.match(stderr, /mistake is not defined.* \(UNEXPECTED\)/, said)
      assert.doesNotMatch(stdout + stderr, /damaged|cannot be read|CONTENT_|BLOB_/, said)
      assert.equal(await everyFile(), files, said)
    }
  })
}

async function tryBroken(where: string, command: readonly string[]): Promise<RunResult> {
  const env = {
    NODE_OPTIONS: `--import=${broken}`,
    UNDERSTUDY_TEST_BROKEN: where,
    RESTIC_FROM_PASSWORD: scene.password,
    UNDERSTUDY_NO_CACHE: '1',
  }
  return await run(process.execPath, [program, ...command], { env: { ...scene.env, ...env } })
}

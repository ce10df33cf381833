/** What self-check finds out about a machine and a repository, and that nothing of it stays behind. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { run } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

interface Line {
  readonly message_type: string
  readonly name?: string
  readonly verdict?: string
  readonly found?: string
  readonly means?: string
  readonly figures?: Readonly<Record<string, number>>
  readonly failed?: number
}

async function selfCheck(
  scene: Scene,
  { args = [], repository }: { readonly args?: readonly string[]; readonly repository?: string },
): Promise<{ code: number | null; lines: Line[] }> {
  const temporary = `${scene.folder}/tmp`
  mkdirSync(temporary, { recursive: true })
  const env = { ...scene.env, RESTIC_REPOSITORY: repository, TMPDIR: temporary }
  const { code, stdout } = await run(process.execPath, [program, 'self-check', '--json', ...args], { env })
  assert.deepEqual(readdirSync(temporary), [], 'nothing stays behind')
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
  return { code, lines: lines.map((line) => JSON.parse(line) as Line) }
}

function filesOf(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).toSorted()
}

test('a sound machine and its repository pass; the repository is as it was', async () => {
  await using scene = await Scene.open()
  await scene.init()
  const before = filesOf(scene.repository)
  const { code, lines } = await selfCheck(scene, { repository: scene.repository })
  const failed = lines.filter(({ verdict }) => verdict === 'failed')
  assert.deepEqual([failed, code], [[], 0])
  const names = lines.map(({ name }) => name)
  for (const name of ['node', 'clock', 'threads', 'memory', 'system', 'round trip', 'repository line']) {
    assert.ok(names.includes(name), name)
  }
  assert.equal(names.filter((name) => name?.startsWith('primitive')).length, 6)
  for (const { message_type, found = '', means = '' } of lines.slice(0, -1)) {
    assert.ok(message_type === 'finding' && found !== '' && means !== '')
  }
  assert.ok((lines.find(({ name }) => name === 'repository line')?.figures?.sentBytesPerSecond ?? 0) > 0)
  assert.deepEqual(filesOf(scene.repository), before)
})

test('a cache folder that cannot be used fails, and says what that means', async () => {
  await using scene = await Scene.open()
  const { code, lines } = await selfCheck(scene, { args: ['--cache-dir', '/proc/no such folder'] })
  assert.equal(code, 1)
  const cache = lines.find(({ name }) => name === 'cache folder')
  assert.equal(cache?.verdict, 'failed')
  assert.match(cache?.means ?? '', /--cache-dir/)
  assert.equal(lines.at(-1)?.failed, 1)
})

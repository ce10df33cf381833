import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { descendants, missingSshd, type Sshd, startSshd } from '../helpers/sshd.ts'
import { until } from '../helpers/until.ts'

/** A repository on another machine, reached by ssh: by Understudy and restic in turns, and by lines that are cut. */

const skip = missingSshd() || missing('restic')
const seed = testSeed()
const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let shared: Promise<Sshd> | undefined
let scenes = 0
after(async () => (await shared)?.[Symbol.asyncDispose]())

/** A scene whose repository lies on the server; what looks into it directly finds it in the server's folder. */
async function openScene() {
  const sshd = await (shared ??= startSshd())
  const name = `repository-${++scenes}`
  const scene = await Scene.open({ repository: `${sshd.folder}/${name}` })
  const env = { ...scene.env, RESTIC_REPOSITORY: sshd.location(name) }
  const ssh = ['-o', `sftp.args=${sshd.args.join(' ')}`]
  return {
    scene,
    env,
    ssh,
    understudy: (...args: readonly string[]) => runOk(process.execPath, [program, ...ssh, ...args], { env }),
    restic: (...args: readonly string[]) => runOk(peer('restic'), [...ssh, ...args], { env }),
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  }
}

test('Understudy and restic take turns on an SFTP server: backup, check, prune, restore', { skip }, async () => {
  await using opened = await openScene()
  const { scene, understudy, restic } = opened
  const { source } = scene
  makeTree(source, { seed, files: 20, biggest: 2_000_000, depth: 4 })
  await understudy('init')
  await understudy('backup', source)
  writeFileSync(`${source}/more`, randomFrom(seed).bytes(1_000_000))
  await restic('backup', source)
  assert.match(await understudy('check', '--read-data'), /no errors were found/)
  await restic('check', '--read-data')
  await understudy('forget', '--keep-last', '1', '--prune')
  const [left, ...others] = await scene.snapshots()
  assert.equal(others.length, 0)
  const target = `${scene.folder}/restored`
  await understudy('restore', left?.id ?? '', '--target', target)
  assert.deepEqual(readFileSync(`${target}${source}/more`), readFileSync(`${source}/more`))
  await restic('check', '--read-data')
  await scene.assertRestores(left?.id ?? '')
})

test('Ctrl-C, which goes to all that runs at the terminal, leaves no lock and no ssh behind', { skip }, async () => {
  await using opened = await openScene()
  const { scene, understudy, ssh, env } = opened
  writeFileSync(`${scene.source}/file`, randomFrom(seed).bytes(20_000_000))
  await understudy('init')
  const args = [program, ...ssh, '--limit-upload', '2000', 'backup', '--pack-size', '4', scene.source]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, detached: true, stdio: 'ignore' })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  await until(() => scene.packs().length > 0)
  const started = descendants(child.pid ?? 0)
  assert.ok(started.length > 0, 'there is an ssh')
  process.kill(-(child.pid ?? 0), 'SIGINT')
  assert.deepEqual(await ended, [130, null])
  assert.deepEqual([scene.files('locks'), scene.files('snapshots')], [[], []])
  assert.deepEqual(started.filter(isAlive), [])
  await scene.assertSound()
})

test('a backup whose connections are killed again and again goes on', { skip }, async () => {
  await using opened = await openScene()
  const { scene, understudy, ssh, env } = opened
  writeFileSync(`${scene.source}/file`, randomFrom(seed).bytes(12_000_000))
  await understudy('init')
  const args = [program, ...ssh, '--limit-upload', '4000', 'backup', '--pack-size', '4', scene.source]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  const isOver = () => child.exitCode !== null
  for (let kills = 0; kills < 3 && !isOver(); kills++) {
    await until(() => isOver() || descendants(child.pid ?? 0).some(isSsh))
    await sleep(700)
    for (const pid of descendants(child.pid ?? 0).filter(isSsh)) process.kill(pid, 'SIGKILL')
  }
  const [code] = await ended
  assert.equal(code, 0, said)
  assert.match(said, /trying again in .*the connection/)
  assert.deepEqual(scene.files('locks'), [])
  await scene.assertSound()
})

function isSsh(pid: number): boolean {
  return commandOf(pid) === 'ssh'
}

/** A process that has ended, and waits only for its parent to take note of it, counts as gone. */
function isAlive(pid: number): boolean {
  return commandOf(pid) !== ''
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

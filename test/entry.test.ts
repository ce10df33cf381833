import assert from 'node:assert/strict'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOk, run, start } from './helpers/run.ts'
import { tempFolder } from './helpers/temp.ts'

const project = join(import.meta.dirname, '..')

interface Entry {
  findNode(platform: string, arch: string): string | undefined
  isNewEnough(version: string): boolean
  signalsToForward(onTerminal: boolean): readonly string[]
}
const entry = createRequire(import.meta.url)('../bin/understudy.js') as Entry

test('Node 24 and everything after it is new enough, nothing before it is', () => {
  for (const version of ['24.0.0', '24.21.0', '25.0.0-nightly', '100.1.2'])
    assert.equal(entry.isNewEnough(version), true)
  for (const version of ['0.12.18', '12.0.0', '20.20.2', '23.99.9', '']) assert.equal(entry.isNewEnough(version), false)
})

test('the node of npm scripts, which comes with the project, is 24 or newer', async () => {
  const version = await runOk(join(project, 'node_modules', '.bin', 'node'), ['--version'])
  assert.ok(entry.isNewEnough(version.trim().slice(1)), version)
})

test('the Node that came with the project is found, and on an unknown platform none is', () => {
  assert.match(entry.findNode(process.platform, process.arch) ?? 'none', /node(\.exe)?$/)
  assert.equal(entry.findNode('sunos', 'sparc'), undefined)
})

test('signals are passed on, but not those that a terminal has already sent', () => {
  assert.deepEqual(entry.signalsToForward(false), ['SIGINT', 'SIGTERM', 'SIGHUP'])
  assert.deepEqual(entry.signalsToForward(true), ['SIGTERM'])
})

test('the entry is written in the JavaScript of 2009', async () => {
  const source = (await readFile(join(project, 'bin', 'understudy.js'), 'utf8')).replace(/'[^'\n]*'|\/\*[^]*?\*\//g, '')
  assert.doesNotMatch(source, /=>|\b(let|const|class|async|await|import|export)\b|`|\.\.\.|\?\?|\?\.|,\s*\)|catch \{/)
})

test('under an old Node the program runs under the one that came with the project', async () => {
  await using place = await oldNodePlace({ withNode: true })
  const { code, stdout, stderr } = await run(process.execPath, [...place.asOldNode, 'one', 'two words', '--three'])
  assert.deepEqual([code, stderr], [7, ''])
  assert.deepEqual(JSON.parse(stdout), { newEnough: true, args: ['one', 'two words', '--three'] })
})

test('under an old Node with no newer one at hand one sentence says what is needed', async () => {
  await using place = await oldNodePlace({ withNode: false })
  const { code, stdout, stderr } = await run(process.execPath, place.asOldNode)
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.match(stderr, /^Understudy needs Node 24 or newer and this is 12\.0\.0: .*\.\n$/)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} reaches the program behind an old Node, and its end is the end of both`, async () => {
    await using place = await oldNodePlace({ withNode: true })
    await using command = start(process.execPath, [...place.asOldNode, 'wait-for', signal])
    await command.printed(/ready/)
    command.kill(signal)
    const { code, stdout } = await command.result
    assert.deepEqual([code, stdout], [130, `ready\ngot ${signal}\n`])
  })
}

test('a program that is killed behind an old Node shows as killed', async () => {
  await using place = await oldNodePlace({ withNode: true })
  const { code, signal } = await run(process.execPath, [...place.asOldNode, 'die'])
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
})

/** A copy of the entry with a program of five lines behind it, and the arguments that start it as if Node were old. */
async function oldNodePlace({ withNode }: { readonly withNode: boolean }) {
  const folder = await tempFolder()
  await cp(join(project, 'bin'), folder.join('bin'), { recursive: true })
  await mkdir(folder.join('dist'), { recursive: true })
  await writeFile(folder.join('dist', 'package.json'), '{"type":"module"}')
  await writeFile(folder.join('dist', 'main.js'), behindTheEntry)
  await writeFile(folder.join('old.cjs'), `Object.defineProperty(process.versions, 'node', { value: '12.0.0' })`)
  if (withNode) await placeNodePackage(folder.join('node_modules', nodePackageName()))
  return Object.assign(folder, {
    asOldNode: ['--require', folder.join('old.cjs'), folder.join('bin', 'understudy.js')],
  })
}

const behindTheEntry = `
const [, , ...args] = process.argv
if (args[0] === 'wait-for') {
  process.on(args[1], () => { console.log('got ' + args[1]); process.exit(130) })
  setInterval(() => {}, 1000)
  console.log('ready')
} else if (args[0] === 'die') process.kill(process.pid, 'SIGKILL')
else {
  console.log(JSON.stringify({ newEnough: parseInt(process.versions.node) >= 24, args }))
  process.exitCode = 7
}
`

function nodePackageName(): string {
  return `node-${process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-' : ''}${process.platform}-${process.arch}`
}

async function placeNodePackage(to: string): Promise<void> {
  await mkdir(join(to, 'bin'), { recursive: true })
  await writeFile(join(to, 'package.json'), '{}')
  await symlink(process.execPath, join(to, 'bin', 'node'))
}
